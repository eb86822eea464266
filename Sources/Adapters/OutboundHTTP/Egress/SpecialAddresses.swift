/// Addresses that are not public unicast, after IANA's special-purpose registries (RFC 6890 and its updates), and the
/// addresses at which clouds hand credentials to whoever asks.
enum SpecialAddresses {
    static func reason(for address: IPAddress) -> EgressPolicy.Reason? {
        switch address {
        case .v4:
            return ipv4.first { $0.network.contains(address) }?.reason
        case .v6:
            if let special = ipv6.first(where: { $0.network.contains(address) }) { return special.reason }
            // All public IPv6 unicast lies here.
            return six(0x2000, 0, 0, prefixLength: 3).contains(address) ? nil : .reserved
        }
    }

    static func isMetadata(_ address: IPAddress) -> Bool { metadata.contains(address) }

    private static let ipv4: [(network: IPNetwork, reason: EgressPolicy.Reason)] = [
        (four(0, 0, 0, 0, 8), .unspecified),
        (four(10, 0, 0, 0, 8), .privateNetwork),
        (four(100, 64, 0, 0, 10), .carrierGradeNAT),
        (four(127, 0, 0, 0, 8), .loopback),
        (four(169, 254, 0, 0, 16), .linkLocal),
        (four(172, 16, 0, 0, 12), .privateNetwork),
        (four(192, 0, 0, 0, 24), .reserved),
        (four(192, 0, 2, 0, 24), .documentation),
        (four(192, 88, 99, 0, 24), .sixToFour),
        (four(192, 168, 0, 0, 16), .privateNetwork),
        (four(198, 18, 0, 0, 15), .benchmarking),
        (four(198, 51, 100, 0, 24), .documentation),
        (four(203, 0, 113, 0, 24), .documentation),
        (four(224, 0, 0, 0, 4), .multicast),
        (four(255, 255, 255, 255, 32), .broadcast),
        (four(240, 0, 0, 0, 4), .reserved),
    ]

    private static let ipv6: [(network: IPNetwork, reason: EgressPolicy.Reason)] = [
        (IPNetwork(.v6(0), prefixLength: 128), .unspecified),
        (IPNetwork(.v6(1), prefixLength: 128), .loopback),
        (IPNetwork(.v6(0), prefixLength: 96), .ipv4Compatible),
        (six(0x64, 0xff9b, 1, prefixLength: 48), .nat64),
        (six(0x100, 0, 0, prefixLength: 64), .discardOnly),
        (six(0x2001, 0, 0, prefixLength: 32), .teredo),
        (six(0x2001, 2, 0, prefixLength: 48), .benchmarking),
        (six(0x2001, 0xdb8, 0, prefixLength: 32), .documentation),
        (six(0x2001, 0, 0, prefixLength: 23), .reserved),
        (six(0x2002, 0, 0, prefixLength: 16), .sixToFour),
        (six(0x3fff, 0, 0, prefixLength: 20), .documentation),
        (six(0x5f00, 0, 0, prefixLength: 16), .reserved),
        (six(0xfc00, 0, 0, prefixLength: 7), .privateNetwork),
        (six(0xfe80, 0, 0, prefixLength: 10), .linkLocal),
        (six(0xfec0, 0, 0, prefixLength: 10), .privateNetwork),
        (six(0xff00, 0, 0, prefixLength: 8), .multicast),
    ]

    private static let metadata: Set<IPAddress> = [
        four(169, 254, 169, 254, 32).address,  // AWS, Google Cloud, Azure, DigitalOcean, Oracle, Hetzner, OpenStack
        four(169, 254, 170, 2, 32).address,  // AWS ECS task credentials
        four(169, 254, 170, 23, 32).address,  // AWS EKS pod identity
        four(169, 254, 0, 23, 32).address,  // Tencent Cloud
        four(100, 100, 100, 200, 32).address,  // Alibaba Cloud
        four(192, 0, 0, 192, 32).address,  // Oracle Cloud Classic
        four(168, 63, 129, 16, 32).address,  // Azure's wire server
        .v6(0xfd00_0ec2 << 96 | 0x254),  // AWS
        .v6(0xfd00_0ec2 << 96 | 0x23),  // AWS EKS pod identity
        .v6(0xfd20_00ce << 96 | 0x254),  // Google Cloud
        .v6(0xfe80 << 112 | 0xa9fe_a9fe),  // OpenStack
    ]

    private static func four(_ a: UInt32, _ b: UInt32, _ c: UInt32, _ d: UInt32, _ length: Int) -> IPNetwork {
        IPNetwork(.v4(a << 24 | b << 16 | c << 8 | d), prefixLength: length)
    }

    /// The first three groups of an address; the rest is zero.
    private static func six(_ a: UInt128, _ b: UInt128, _ c: UInt128, prefixLength: Int) -> IPNetwork {
        IPNetwork(.v6(a << 112 | b << 96 | c << 80), prefixLength: prefixLength)
    }
}

extension IPAddress {
    /// The IPv4 address inside this IPv6 address, and how it is carried.
    var embedded: (IPAddress?, EgressPolicy.Carrier?) {
        guard case .v6(let number) = self else { return (nil, nil) }
        let last = IPAddress.v4(UInt32(truncatingIfNeeded: number))
        switch number >> 32 {
        case 0xffff: return (last, .ipv4Mapped)
        case 0x64_ff9b << 64: return (last, .nat64)
        case 0 where number > 1: return (last, .ipv4Compatible)
        default: break
        }
        if number >> 112 == 0x2002 {
            return (.v4(UInt32(truncatingIfNeeded: number >> 80)), .sixToFour)
        }
        return (nil, nil)
    }
}
