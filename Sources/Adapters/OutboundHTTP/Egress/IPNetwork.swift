/// A block of addresses in CIDR notation, `10.0.0.0/8`; a plain address is the block of itself alone.
public struct IPNetwork: Hashable, Sendable, CustomStringConvertible {
    public let address: IPAddress
    /// 0 to 32 or 128.
    public let prefixLength: Int

    /// Bits of `address` behind the prefix are cleared.
    init(_ address: IPAddress, prefixLength: Int) {
        self.address = address.masked(prefixLength)
        self.prefixLength = prefixLength
    }

    /// Reads one block, or says in words for people what is wrong with it.
    public init(parsing text: some StringProtocol) throws(ParseError) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else {
            throw ParseError("\"\(text)\" is not a network: write an address and a prefix length, like 10.0.0.0/8")
        }
        guard parts.count > 1 else {
            self.init(address, prefixLength: address.bitWidth)
            return
        }
        let family = address.bitWidth == 32 ? "IPv4" : "IPv6"
        guard parts.count == 2, parts[1].allSatisfy({ $0.isASCII && $0.isNumber }), let length = Int(parts[1]),
            length <= address.bitWidth
        else {
            throw ParseError("\"\(text)\": the prefix length of an \(family) network is 0 to \(address.bitWidth)")
        }
        self.init(address, prefixLength: length)
        guard self.address == address else {
            throw ParseError(
                "\"\(text)\" has bits set behind its prefix: write \(self), or \(address) for that address alone")
        }
    }

    public func contains(_ other: IPAddress) -> Bool {
        other.bitWidth == address.bitWidth && other.masked(prefixLength) == address
    }

    public var description: String { "\(address)/\(prefixLength)" }

    public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
        init(_ words: String) { description = words }
    }
}

extension IPAddress {
    fileprivate func masked(_ prefixLength: Int) -> IPAddress {
        switch self {
        // Swift's smart shift gives 0 where all bits leave.
        case .v4(let number): .v4(number & ~(UInt32.max >> UInt32(prefixLength)))
        case .v6(let number): .v6(number & ~(UInt128.max >> UInt128(prefixLength)))
        }
    }
}
