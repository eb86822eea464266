import Crypto
import Foundation
import Glibc
import OutboundHTTP
import Synchronization

/// The file that is sent, readable from anywhere as often as it takes.
final class ImportedFile: Sendable {
    /// As the gateway is told it; nil for standard input.
    let name: String?
    /// In bytes.
    let size: Int64
    private let source: SourceFile
    private let sent = Mutex<Int64>(0)
    private static let block = 256 << 10

    /// Standard input and pipes are read to their end here. Throws `CommandFailure`.
    init(_ path: String) throws {
        source = try SourceFile(path, isReadTwice: true)
        name = source.name
        guard let size = source.size else { throw CommandFailure("\(path) cannot be read.") }
        self.size = size
    }

    /// For people.
    var shownName: String { name ?? "standard input" }

    /// All of it was given to the connection, whatever arrived.
    var isAllSent: Bool { sent.withLock { $0 == size } }

    /// SHA-256 of the whole file. Throws `CommandFailure`.
    /// - Parameter read: is told how many bytes.
    func hash(_ read: (Int) -> Void) throws -> [UInt8] {
        var hash = SHA256()
        var offset: Int64 = 0
        while offset < size {
            try Task.checkCancellation()
            let data = try bytes(at: offset)
            hash.update(data: data)
            offset += Int64(data.count)
            read(data.count)
        }
        return Array(hash.finalize())
    }

    /// What follows the first `offset` bytes.
    /// - Parameter moved: is told how many bytes the connection has taken.
    func body(from offset: Int64, _ moved: @escaping @Sendable (Int) -> Void) -> OutboundBody {
        sent.withLock { $0 = offset }
        guard offset < size else { return .none }
        return .stream(length: size - offset) { [self] writer in
            var offset = offset
            while offset < size {
                let data = try bytes(at: offset)
                offset += Int64(data.count)
                // Before they are handed over: from then on the gateway may have them.
                sent.withLock { [offset] in $0 = offset }
                try await writer.write(data)
                moved(data.count)
            }
        }
    }

    private func bytes(at offset: Int64) throws -> [UInt8] {
        let wanted = min(Int64(Self.block), size - offset)
        var count = 0
        let read = unsafe [UInt8](unsafeUninitializedCapacity: Int(wanted)) { buffer, initialized in
            repeat {
                count = unsafe pread(source.handle.fileDescriptor, buffer.baseAddress, buffer.count, Int(offset))
            } while count < 0 && errno == EINTR
            initialized = max(0, count)
        }
        guard count > 0 else {
            throw CommandFailure("\(shownName) cannot be read on at byte \(offset): it was changed meanwhile.")
        }
        return read
    }
}
