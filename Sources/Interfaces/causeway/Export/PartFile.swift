import Crypto
import Foundation
import Glibc

/// The bytes fetched so far, `FILE.part`, hashed as they come; or standard output.
final class PartFile {
    /// Nil for standard output.
    let path: String?
    private let descriptor: Int32
    private(set) var size: Int64 = 0
    private var hash = SHA256()

    /// Standard output: what has gone there cannot be taken back.
    init() {
        path = nil
        descriptor = STDOUT_FILENO
    }

    /// Opens what an earlier run has left, or makes an empty one.
    init(path: String) throws {
        self.path = path
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw Self.failure(path) }
        // Two runs of the same command would write over one another.
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure("\(path) is being written by another run of this command.")
        }
        try readWhatIsThere(path)
    }

    deinit { if path != nil { close(descriptor) } }

    var canRestart: Bool { path != nil || size == 0 }

    /// In lower-case hexadecimal.
    var sha256: String { hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined() }

    func write(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno != EINTR {
                throw Self.failure(path ?? "standard output")
            }
        }
        hash.update(data: bytes)
        size += Int64(bytes.count)
    }

    /// Begins again at its first byte.
    func restart() throws {
        guard size > 0 else { return }
        guard path != nil, ftruncate(descriptor, 0) == 0, lseek(descriptor, 0, SEEK_SET) == 0 else {
            throw Self.failure(path ?? "standard output")
        }
        size = 0
        hash = SHA256()
    }

    /// Durable, and under its own name.
    func finish(as name: String) throws {
        guard let path else { return }
        guard fsync(descriptor) == 0, unsafe rename(path, name) == 0 else { throw Self.failure(name) }
    }

    private func readWhatIsThere(_ path: String) throws {
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = unsafe buffer.withUnsafeMutableBytes { unsafe read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return }
            guard count > 0 else {
                if errno == EINTR { continue }
                throw Self.failure(path)
            }
            hash.update(data: buffer[..<count])
            size += Int64(count)
        }
    }

    private static func failure(_ path: String) -> CommandFailure {
        CommandFailure("\(path): \(unsafe String(cString: strerror(errno)))")
    }
}
