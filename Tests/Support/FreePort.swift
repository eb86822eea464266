import Glibc

/// A port of 127.0.0.1 that nobody listens on. A server keeps it over restarts, so it cannot be left to that one.
///
/// It stays bound, by a socket that never listens, for as long as this process lives: a server that sets `SO_REUSEADDR`
/// listens there all the same, and the system gives it to nobody else. Who connects before is refused.
public enum FreePort {
    public struct NoneFound: Error {}

    public static func any() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw NoneFound() }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, size) == 0 && getsockname(descriptor, $0, &size) == 0
            }
        }
        // Only now, when the port is its own.
        var yes: Int32 = 1
        guard isBound,
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
        else {
            close(descriptor)
            throw NoneFound()
        }
        return Int(in_port_t(bigEndian: address.sin_port))
    }
}
