public import CausewayCore
import Foundation
import Glibc

/// Files in one directory that only this user can read. They hold personal data, so the directory has mode 0700 and
/// each file 0600.
///
/// A file is either unfinished (its name ends in `.part`) or whole: `LocalFileWriter.finish` makes it durable under
/// its name in one step, so what has its name is never a half.
public struct LocalFileStore: Sendable {
    public let directory: String
    static let unfinished = ".part"

    /// Makes the directory where it is missing. Throws `FileStoreError`.
    public init(directory: String) throws {
        self.directory = directory
        do {
            try FileManager.default.createDirectory(
                atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw FileStoreError.failed(detail: "the directory \(directory) cannot be made: \(error)")
        }
    }

    /// Of a directory that is there already, or of which nothing is asked.
    public init(at directory: String) { self.directory = directory }

    /// Of a file with this name, whether it is there or not. Names have no slash.
    public func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// A new file, to be written by one writer. Throws `FileStoreError`.
    public func create(_ name: String) throws -> LocalFileWriter {
        precondition(!name.contains("/") && !name.hasPrefix("."), "no name of a file: \(name)")
        return try LocalFileWriter(store: self, name: name)
    }

    /// In bytes; nil where there is no whole file of this name. Throws `FileStoreError` where that cannot be told: a
    /// network file system that is away, a directory that is not mounted.
    public func size(of name: String) throws -> Int64? {
        if let status = try status(of: path(name)) { return Int64(status.st_size) }
        guard try status(of: directory) != nil else { throw FileStoreError.failed(detail: "\(directory) is not there") }
        return nil
    }

    /// When a whole file was last written to, by the clock of its file system; nil where there is none.
    public func modified(_ name: String) throws -> Timestamp? { try modified(at: path(name)) }

    private func modified(at path: String) throws -> Timestamp? {
        try status(of: path).map { status in
            Timestamp(milliseconds: Int64(status.st_mtim.tv_sec) * 1000 + Int64(status.st_mtim.tv_nsec) / 1_000_000)
        }
    }

    private func status(of path: String) throws -> stat? {
        var status = stat()
        if unsafe stat(path, &status) == 0 { return status }
        let code = errno
        guard code == ENOENT else {
            throw FileStoreError.failed(
                detail: "\(path) cannot be looked at: \(unsafe String(cString: strerror(code)))")
        }
        return nil
    }

    /// Returns also where there is none.
    public func remove(_ name: String) {
        unsafe unlink(path(name))
    }

    /// The names of whole files.
    public func names() throws -> [String] {
        try all().filter { !$0.hasSuffix(Self.unfinished) }
    }

    /// Removes what writers left unfinished that are gone; returns how many.
    /// - Parameter time: what was written to since then is left alone, for somebody may be at it. Nil: nobody writes.
    public func removeUnfinished(notWrittenSince time: Timestamp?) throws -> Int {
        let left = try all().filter { name in
            guard name.hasSuffix(Self.unfinished) else { return false }
            guard let time else { return true }
            return try modified(at: path(name)).map { $0 < time } ?? false
        }
        for name in left { remove(name) }
        return left.count
    }

    /// Returns when the names in the directory are on the disk.
    func synchronizeDirectory() throws {
        let descriptor = unsafe Glibc.open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileStoreError.system("\(directory) cannot be opened") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileStoreError.system("\(directory) cannot be synced") }
    }

    func all() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw FileStoreError.failed(detail: "the directory \(directory) cannot be read: \(error)")
        }
    }
}
