import Foundation

/// A port of 127.0.0.1 that nobody listens on, for a program that wants to be told one.
enum FreePort {
    /// It stays bound, by a socket that never listens, for as long as this process lives: the gateway, which sets
    /// `SO_REUSEADDR`, listens there all the same, and the system gives it to nobody else meanwhile.
    static func find() throws -> Int {
        #if canImport(Glibc)
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        #else
            let descriptor = socket(AF_INET, SOCK_STREAM, 0)
        #endif
        guard descriptor >= 0 else { throw DemoFailure("no socket can be made") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
            }
        }
        // Only now, when the port is its own.
        var yes: Int32 = 1
        guard isBound,
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size)) == 0
        else {
            close(descriptor)
            throw DemoFailure("no free port was found")
        }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
