import Foundation
import Support

/// Listens, accepts nobody, and has no room left: further connections are not answered.
final class FullListener: Sendable {
    let url: String
    private let sockets: [Int32]

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var sockets = [listener]
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try unsafe withUnsafeMutablePointer(to: &address) {
            try unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard unsafe bind(listener, address, size) == 0, listen(listener, 0) == 0,
                    unsafe getsockname(listener, address, &size) == 0
                else { throw PeerError.system(errno) }
                for _ in 1...4 {
                    let filler = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
                    _ = unsafe connect(filler, address, size)
                    sockets.append(filler)
                }
            }
        }
        self.sockets = sockets
        url = "http://127.0.0.1:\(UInt16(bigEndian: address.sin_port))/"
    }

    deinit { for socket in sockets { _ = close(socket) } }
}
