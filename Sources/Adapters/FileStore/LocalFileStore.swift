import CausewayCore
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

    /// Of a file with this name, whether it is there or not. Names have no slash.
    public func path(_ name: String) -> String { "\(directory)/\(name)" }

    /// A new file, to be written by one writer. Throws `FileStoreError`.
    public func create(_ name: String) throws -> LocalFileWriter {
        precondition(!name.contains("/") && !name.hasPrefix("."), "no name of a file: \(name)")
        return try LocalFileWriter(store: self, name: name)
    }

    /// In bytes; nil where there is no whole file of this name.
    public func size(of name: String) -> Int64? {
        var status = stat()
        guard unsafe stat(path(name), &status) == 0 else { return nil }
        return Int64(status.st_size)
    }

    /// Returns also where there is none.
    public func remove(_ name: String) {
        unsafe unlink(path(name))
    }

    /// The names of whole files.
    public func names() throws -> [String] {
        try all().filter { !$0.hasSuffix(Self.unfinished) }
    }

    /// Removes what writers of an earlier process left unfinished; returns how many. Only while nobody writes.
    public func removeUnfinished() throws -> Int {
        let left = try all().filter { $0.hasSuffix(Self.unfinished) }
        for name in left { remove(name) }
        return left.count
    }

    private func all() throws -> [String] {
        do {
            return try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw FileStoreError.failed(detail: "the directory \(directory) cannot be read: \(error)")
        }
    }
}
