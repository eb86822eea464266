import ArgumentParser
import CausewayCore
import Crypto
import Foundation
import OutboundHTTP
import Synchronization

/// The file that is sent: read as the gateway takes it, hashed as it is read.
final class ImportedFile: Sendable {
    let path: String
    let name: String
    let size: Int64
    private let state = Mutex(State())

    private struct State {
        var sent: Int64 = 0
        var hash = SHA256()
    }

    /// Ends with 2 where there is no such file.
    init(_ path: String) throws {
        var isDirectory: ObjCBool = false
        let isThere = unsafe FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory)
        guard isThere, !isDirectory.boolValue, FileManager.default.isReadableFile(atPath: path),
            let found = try? FileManager.default.attributesOfItem(atPath: path),
            let size = (found[.size] as? NSNumber)?.int64Value
        else { throw ValidationError("\(path) is no file that can be read.") }
        self.path = path
        self.size = size
        name = URL(filePath: path).lastPathComponent
    }

    /// All of it was given to the connection, whatever arrived.
    var isAllSent: Bool { state.withLock { $0.sent == size } }

    /// Lower-case hexadecimal, of what was read; of the whole once `isAllSent`.
    var sha256: String { state.withLock { Digest.hex($0.hash.finalize()) } }

    /// From its beginning.
    func body(_ sent: @escaping @Sendable (Int) -> Void) -> OutboundBody {
        state.withLock { $0 = State() }
        return .stream(length: size) { [self] writer in
            guard let file = FileHandle(forReadingAtPath: path) else {
                throw CommandFailure("\(path) cannot be read.")
            }
            defer { try? file.close() }
            while let data = try file.read(upToCount: 256 << 10), !data.isEmpty {
                state.withLock { state in
                    state.hash.update(data: data)
                    state.sent += Int64(data.count)
                }
                try await writer.write(Array(data))
                sent(data.count)
            }
        }
    }
}
