import CausewayCore
import Foundation
import Glibc

/// Writes one new file from its beginning to its end. What is not finished is gone with its writer.
///
/// Its calls block: they belong on a thread that may.
public struct LocalFileWriter: ~Copyable, Sendable {
    private let store: LocalFileStore
    private let name: String
    private let descriptor: Int32
    /// Bytes written.
    public private(set) var size: Int64 = 0

    /// Where its bytes can be read while it is not finished.
    public var unfinishedPath: String { store.path(name + LocalFileStore.unfinished) }

    init(store: LocalFileStore, name: String) throws {
        self.store = store
        self.name = name
        let path = store.path(name + LocalFileStore.unfinished)
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileStoreError.system("\(path) cannot be made") }
    }

    deinit {
        close(descriptor)
        unsafe unlink(unfinishedPath)
    }

    /// Throws `FileStoreError`; the file cannot be finished then.
    public mutating func write(_ bytes: RawSpan) throws {
        try FileDescriptorWriting.write(bytes, to: descriptor, unfinishedPath)
        size += Int64(bytes.byteCount)
    }

    public mutating func write(_ bytes: [UInt8]) throws {
        try unsafe write(bytes.span.bytes)
    }

    /// Returns when the file is on the disk, whole, under its name or another.
    public consuming func finish(as finalName: String? = nil) throws {
        guard fsync(descriptor) == 0 else { throw FileStoreError.system("\(unfinishedPath) cannot be synced") }
        guard unsafe rename(unfinishedPath, store.path(finalName ?? name)) == 0 else {
            throw FileStoreError.system("\(unfinishedPath) cannot be renamed")
        }
        try store.synchronizeDirectory()
    }
}
