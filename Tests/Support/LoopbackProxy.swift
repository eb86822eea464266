import CausewayCore
import Glibc

/// Stands between a client and a server on the loopback and sees each block of bytes before it goes on.
public final class LoopbackProxy: Sendable {
    public enum Side: Sendable { case client, server }

    public enum Verdict: Sendable {
        case pass
        /// Neither side gets anything more.
        case cut
    }

    /// Of one connection; called on a thread of its own, which it may hold up.
    public typealias Filter = (_ from: Side, _ bytes: [UInt8]) -> Verdict

    public let port: UInt16
    private let listener: Int32
    private let target: Int
    private let filter: @Sendable () -> Filter

    public struct Failure: Error {}

    /// - Parameters:
    ///   - target: the server's port on the loopback.
    ///   - filter: makes one for each connection.
    public init(to target: Int, filter: @escaping @Sendable () -> Filter) throws {
        self.target = target
        self.filter = filter
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        let port = unsafe Self.withLoopback(port: 0) { address, length -> UInt16? in
            var length = length
            guard unsafe bind(listener, address, length) == 0, listen(listener, 64) == 0,
                unsafe getsockname(listener, address, &length) == 0
            else { return nil }
            return unsafe UnsafeRawPointer(address).load(as: sockaddr_in.self).sin_port.bigEndian
        }
        guard let port else { throw Failure() }
        self.port = port
        _ = SystemThread(name: "proxy") { [self] in accept() }
    }

    public func end() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let server = Self.connect(to: target)
            _ = SystemThread(name: "proxied") { [self] in
                Self.carry(client, server, filter())
                close(client)
                close(server)
            }
        }
    }

    private static func connect(to port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        unsafe withLoopback(port: UInt16(port)) { _ = unsafe Glibc.connect(descriptor, $0, $1) }
        return descriptor
    }

    private static func withLoopback<Result>(
        port: UInt16, _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        address.sin_port = port.bigEndian
        return unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }

    private static func carry(_ client: Int32, _ server: Int32, _ filter: Filter) {
        while true {
            var entries = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard unsafe poll(&entries, 2, -1) > 0 else { return }
            for (index, side) in [Side.client, .server].enumerated() where entries[index].revents != 0 {
                let (from, to) = side == .client ? (client, server) : (server, client)
                guard let bytes = receive(from), case .pass = filter(side, bytes), send(bytes, to) else { return }
            }
        }
    }

    private static func receive(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private static func send(_ bytes: [UInt8], _ descriptor: Int32) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }
}
