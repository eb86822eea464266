import Foundation
import Synchronization

/// A server over plain sockets that does what a test wants, also what no server should: `behaviour` runs on a thread
/// of its own for each connection, which is closed when it returns.
public final class Peer: Sendable {
    public let port: UInt16
    private let listener: Int32
    private let connections = Mutex<[PeerConnection]>([])

    public var url: String { "http://127.0.0.1:\(port)/" }

    public init(_ behaviour: @escaping @Sendable (PeerConnection) throws -> Void) throws {
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var yes: Int32 = 1
        _ = unsafe setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        port = try unsafe withUnsafeMutablePointer(to: &address) {
            try unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(listener, address, size) == 0, listen(listener, 1024) == 0,
                    unsafe getsockname(listener, address, &size) == 0
                else { throw PeerError.system(errno) }
            }
            return unsafe UInt16(bigEndian: $0.pointee.sin_port)
        }
        let thread = Thread { [weak self] in
            var number = 0
            while true {
                let socket = accept(listener, nil, nil)
                guard socket >= 0 else {
                    // Here and nowhere else: a number closed while it is used here would be another's socket.
                    _ = Glibc.close(listener)
                    return
                }
                number += 1
                let connection = PeerConnection(socket: socket, number: number)
                self?.connections.withLock { $0.append(connection) }
                let worker = Thread {
                    try? behaviour(connection)
                    connection.close()
                }
                worker.stackSize = 256 << 10
                worker.start()
            }
        }
        thread.start()
    }

    deinit {
        _ = shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections.withLock({ $0 }) { connection.shut() }
    }

    /// How many connections were made so far.
    public var connectionCount: Int { connections.withLock { $0.count } }

    /// Bytes that were sent on all of them so far, with what the system holds for the other side.
    public var sentCount: Int {
        connections.withLock { connections in connections.reduce(0) { $0 + $1.sent.load(ordering: .relaxed) } }
    }
}

public enum PeerError: Error {
    case system(Int32)
    case ended
}
