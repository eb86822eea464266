import CausewayCore
import Glibc
import Synchronization

/// Stands between an engine and PostgreSQL and cuts a connection in two at a chosen moment.
final class CuttingProxy: Sendable {
    enum Moment: CaseIterable, Sendable {
        /// The server gets the COMMIT, its answer is thrown away.
        case commitAnswered
        /// The COMMIT does not get there.
        case commitSent
    }

    let port: UInt16
    private let listener: Int32
    private let target: Int
    private let armed = Mutex<Moment?>(nil)

    /// - Parameter target: the server's port on the loopback.
    init(to target: Int) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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
        _ = SystemThread(name: "cutting-proxy") { [self] in accept() }
    }

    struct Failure: Error {}

    /// The next COMMIT that is prepared meets it.
    func cut(at moment: Moment) { armed.withLock { $0 = moment } }

    func end() { shutdown(listener, Int32(SHUT_RDWR)) }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { return }
            let server = Self.connect(to: target)
            _ = SystemThread(name: "proxied") { [self] in
                carry(client, server)
                close(client)
                close(server)
            }
        }
    }

    private static func connect(to port: Int) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
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

    private func carry(_ client: Int32, _ server: Int32) {
        var throwsAnswerAway = false
        while true {
            var entries = [
                pollfd(fd: client, events: Int16(POLLIN), revents: 0),
                pollfd(fd: server, events: Int16(POLLIN), revents: 0),
            ]
            guard unsafe poll(&entries, 2, -1) > 0 else { return }
            if entries[0].revents != 0 {
                guard let bytes = Self.receive(client) else { return }
                if Self.holdsCommit(bytes), let moment = armed.withLock({ $0.take() }) {
                    if moment == .commitSent { return }
                    throwsAnswerAway = true
                }
                Self.send(bytes, server)
            }
            if entries[1].revents != 0 {
                guard let bytes = Self.receive(server), !throwsAnswerAway else { return }
                Self.send(bytes, client)
            }
        }
    }

    private static func holdsCommit(_ bytes: [UInt8]) -> Bool {
        String(decoding: bytes, as: UTF8.self).contains("\0COMMIT\0")
    }

    private static func receive(_ descriptor: Int32) -> [UInt8]? {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let count = unsafe read(descriptor, &buffer, buffer.count)
        return count > 0 ? Array(buffer[..<count]) : nil
    }

    private static func send(_ bytes: [UInt8], _ descriptor: Int32) {
        var sent = 0
        while sent < bytes.count {
            let count = unsafe bytes[sent...].withUnsafeBytes {
                unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            sent += count
        }
    }
}
