import Glibc

extension IPAddress {
    /// What the system resolves a name to, in its order of preference (RFC 6724). Blocks for as long as that takes.
    static func lookUp(_ name: String) -> Result<[IPAddress], OutboundError> {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(name, nil, &hints, &list)
        guard code == 0 else {
            let words = unsafe String(cString: gai_strerror(code))
            return .failure(
                OutboundError(
                    code == EAI_MEMORY ? .failed : .resolve, words: "could not resolve host: \(name) (\(words))"))
        }
        defer { unsafe freeaddrinfo(list) }
        var addresses: [IPAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let address = unsafe IPAddress(entry.pointee.ai_addr), !addresses.contains(address) {
                addresses.append(address)
            }
            unsafe next = entry.pointee.ai_next
        }
        return .success(addresses)
    }

    private init?(_ socketAddress: UnsafeMutablePointer<sockaddr>?) {
        guard let raw = UnsafeRawPointer(socketAddress) else { return nil }
        switch unsafe Int32(raw.load(as: sockaddr.self).sa_family) {
        case AF_INET:
            unsafe self = .v4(UInt32(bigEndian: raw.load(as: sockaddr_in.self).sin_addr.s_addr))
        case AF_INET6:
            let bytes = unsafe withUnsafeBytes(of: raw.load(as: sockaddr_in6.self).sin6_addr) { unsafe Array($0) }
            self.init(bytes: bytes)
        default:
            return nil
        }
    }
}
