import Foundation

/// Where this gateway keeps its database and files. Readable by its owner alone: uploads hold personal data.
public struct DataDirectory: Sendable {
    public let path: String

    public var database: String { path + "/causeway.sqlite" }
    public var uploads: String { path + "/uploads" }
    /// Copies of the vendor's files.
    public var mirror: String { path + "/mirror" }

    /// Makes the directory where it is missing, and sets what is made in this process to be its owner's alone.
    /// Throws `GatewayError.dataDirectory`.
    public init(_ path: String) throws {
        self.path = path
        umask(0o077)
        do {
            try FileManager.default.createDirectory(
                atPath: path + "/uploads", withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700])
        } catch {
            throw GatewayError.dataDirectory("\(path) cannot be made: \(error.localizedDescription)")
        }
        guard unsafe access(path, W_OK) == 0 else {
            throw GatewayError.dataDirectory("\(path) cannot be written to by this user.")
        }
    }
}

/// Held for as long as the process serves: one process to a data directory with SQLite. Goes with the process, however
/// that ends.
public final class DataDirectoryLock: Sendable {
    private let descriptor: Int32

    /// Nil where the settings name a PostgreSQL: gateways on one share their directory. Throws
    /// `GatewayError.dataDirectory` where another process holds it.
    public init?(for settings: Settings) throws {
        guard settings.database.address == nil else { return nil }
        let directory = try DataDirectory(settings.dataDirectory)
        let path = directory.path + "/lock"
        descriptor = unsafe open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw GatewayError.dataDirectory("\(path) cannot be opened.") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw GatewayError.dataDirectory(
                "\(directory.path) is in use by another gateway. Stop that one, or set another data_dir.")
        }
    }

    deinit { close(descriptor) }
}
