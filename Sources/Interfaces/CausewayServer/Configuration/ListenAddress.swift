/// Where the server listens: `127.0.0.1:8080`, `[::1]:8080`, `localhost:8080`.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// A name or an address, without brackets.
    public let host: String
    /// 1 to 65535: what the vendor is told must be known before the socket is opened.
    public let port: Int

    /// Nil where `text` has no host, or a port that is none.
    public init?(parsing text: String) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        guard (1...5).contains(digits.utf8.count), digits.utf8.allSatisfy({ (48...57).contains($0) }),
            let port = Int(digits), (1...65_535).contains(port)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        let isPlain = host.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (97...122).contains(byte | 32) || ".:-_%".utf8.contains(byte)
        }
        guard !host.isEmpty, isPlain else { return nil }
        self.host = String(host)
        self.port = port
    }

    public var description: String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension SettingKind where Value == ListenAddress {
    static let listenAddress: Self = Self(
        "host:port, such as 127.0.0.1:8080, 0.0.0.0:8080 for all addresses, or [::1]:8080",
        reading: ListenAddress.init(parsing:))
}
