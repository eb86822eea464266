import Foundation
import Glibc

/// A file without a name: what does not fit into memory for a while. It goes with this object, and with the process
/// however that ends. Nobody but this user can read it.
///
/// Its calls block: they belong on a thread that may. Throws `FileStoreError`.
public final class ScratchFile: Sendable {
    private let descriptor: Int32
    private let directory: String

    /// - Parameter directory: must be there; its file system has the room.
    public init(in directory: String) throws {
        self.directory = directory
        // Named as what writers leave unfinished, so that the sweep finds what a process leaves that dies right here.
        let path = "\(directory)/scratch-\(UUID().uuidString)\(LocalFileStore.unfinished)"
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw FileStoreError.system("\(path) cannot be made") }
        unsafe unlink(path)
    }

    deinit { close(descriptor) }

    /// All of `bytes` at `offset`.
    public func write(_ bytes: RawSpan, at offset: Int) throws {
        try unsafe bytes.withUnsafeBytes { buffer in
            var written = 0
            while written < buffer.count {
                let count = unsafe pwrite(
                    descriptor, buffer.baseAddress.unsafelyUnwrapped + written, buffer.count - written,
                    off_t(offset + written))
                if count < 0 {
                    if errno == EINTR { continue }
                    throw FileStoreError.system("a temporary file in \(directory) cannot be written")
                }
                written += count
            }
        }
    }

    /// Fills `bytes` with what stands at `offset`; a file that ends before that is an error.
    public func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        try unsafe PositionedReading.fill(bytes, from: descriptor, at: offset, "a temporary file in \(directory)")
    }
}

enum PositionedReading {
    /// All of `bytes`. Throws `FileStoreError`, also where the file ends before.
    static func fill(
        _ bytes: UnsafeMutableRawBufferPointer, from descriptor: Int32, at offset: Int,
        _ what: @autoclosure () -> String
    ) throws {
        var filled = 0
        while filled < bytes.count {
            let count = unsafe pread(
                descriptor, bytes.baseAddress.unsafelyUnwrapped + filled, bytes.count - filled, off_t(offset + filled))
            if count < 0 {
                if errno == EINTR { continue }
                throw FileStoreError.system("\(what()) cannot be read")
            }
            guard count > 0 else { throw FileStoreError.failed(detail: "\(what()) ends before its end") }
            filled += count
        }
    }
}
