import Glibc

/// An open file; closed with it.
struct FileDescriptor: ~Copyable {
    private let number: Int32

    init(reading path: String) throws(FileFailure) {
        number = try Self.open(path, O_RDONLY)
        _ = posix_fadvise(number, 0, 0, Int32(POSIX_FADV_SEQUENTIAL))
    }

    /// Makes the file, or empties the one that is there.
    init(writing path: String) throws(FileFailure) {
        number = try Self.open(path, O_WRONLY | O_CREAT | O_TRUNC)
    }

    deinit { _ = close(number) }

    private static func open(_ path: String, _ flags: Int32) throws(FileFailure) -> Int32 {
        guard !path.utf8.contains(0) else { throw FileFailure(call: "open", path: path, code: EINVAL) }
        while true {
            let number = unsafe Glibc.open(path, flags | O_CLOEXEC, 0o600)
            if number >= 0 { return number }
            guard errno == EINTR else { throw FileFailure(call: "open", path: path, code: errno) }
        }
    }

    /// In bytes; a folder or device has none.
    func size(path: String) throws(FileFailure) -> Int64 {
        var status = stat()
        guard unsafe fstat(number, &status) == 0 else { throw FileFailure(call: "fstat", path: path, code: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw FileFailure(call: "open", path: path, code: EISDIR) }
        return Int64(status.st_size)
    }

    /// How many bytes were read; 0 at the file's end.
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(FileFailure) -> Int {
        while true {
            let count = unsafe pread(number, buffer.baseAddress, buffer.count, off_t(offset))
            if count >= 0 { return count }
            guard errno == EINTR else { throw FileFailure(call: "pread", path: nil, code: errno) }
        }
    }

    func write(_ bytes: [UInt8]) throws(FileFailure) {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes {
                unsafe Glibc.write(number, $0.baseAddress.map { unsafe $0 + written }, $0.count - written)
            }
            if count >= 0 {
                written += count
            } else if errno != EINTR {
                throw FileFailure(call: "write", path: nil, code: errno)
            }
        }
    }

    static func remove(_ path: String) { _ = unsafe unlink(path) }

    /// Returns once the file's bytes are on disk.
    func synchronise() throws(FileFailure) {
        guard fsync(number) == 0 else { throw FileFailure(call: "fsync", path: nil, code: errno) }
    }
}

/// A file operation that the system refused.
public struct FileFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let call: String
    public let path: String?
    /// The system's errno.
    public let code: Int32

    public var description: String {
        let words = unsafe String(cString: strerror(code))
        return [call, path, words].compactMap { $0 }.joined(separator: ": ")
    }
}
