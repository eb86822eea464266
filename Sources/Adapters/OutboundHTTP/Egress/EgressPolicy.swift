/// Which addresses a request may connect to. A pure function over the resolved address; the transfer asks it when a
/// socket is opened, after name resolution, so a name that resolves to something else later does not get by.
public struct EgressPolicy: Hashable, Sendable {
    private enum Rule: Hashable {
        case everything
        case publicAnd(AllowedNetworks)
    }

    private let rule: Rule
    /// The ports of the URLs; nil: any.
    public let ports: Set<Int>?

    /// Everything: only for addresses the operator configured, like the vendor's.
    public static let unrestricted = EgressPolicy(rule: .everything)

    /// Public addresses only.
    public static let publicOnly = EgressPolicy(allowing: .none)

    private init(rule: Rule) {
        self.rule = rule
        ports = nil
    }

    /// Public addresses and these networks. Cloud metadata services stay shut even where a network holds them.
    /// - Parameter ports: who sends judges them by `allows(port:)`, since a transfer sees addresses only.
    public init(allowing networks: AllowedNetworks, ports: Set<Int>? = nil) {
        rule = .publicAnd(networks)
        self.ports = ports
    }

    public func allows(port: Int) -> Bool { ports?.contains(port) ?? true }

    /// Whether it lets everything pass without a look.
    public var isUnrestricted: Bool { rule == .everything }

    /// Nil where the address may be connected to, otherwise why not.
    public func denial(of address: IPAddress) -> Denial? {
        guard case .publicAnd(let allowed) = rule else { return nil }
        let (embedded, carrier) = address.embedded
        // A metadata address is one in any clothes, and opened by nothing.
        if SpecialAddresses.isMetadata(address) || embedded.map(SpecialAddresses.isMetadata) == true {
            return Denial(address: address, reason: .metadata, carrier: carrier)
        }
        if allowed.contains(address) { return nil }
        switch (carrier, embedded) {
        // The socket of a mapped address speaks IPv4 to the embedded one: it is that address.
        case (.ipv4Mapped, let embedded?):
            if allowed.contains(embedded) { return nil }
            return SpecialAddresses.reason(for: embedded).map {
                Denial(address: address, reason: $0, carrier: .ipv4Mapped)
            }
        // In IPv6-only networks public IPv4 hosts are reached so (RFC 6052); the translator must not lead inside.
        case (.nat64, let embedded?):
            return SpecialAddresses.reason(for: embedded).map {
                Denial(address: address, reason: $0, carrier: .nat64)
            }
        default:
            return SpecialAddresses.reason(for: address).map {
                Denial(address: address, reason: $0, carrier: nil)
            }
        }
    }

    /// Why an address may not be connected to.
    public struct Denial: Error, Hashable, Sendable, CustomStringConvertible {
        public let address: IPAddress
        public let reason: Reason
        /// Set where the reason is about an IPv4 address inside this IPv6 address.
        public let carrier: Carrier?

        public var description: String {
            let by = carrier.map { ", embedded as \($0.rawValue)" } ?? ""
            return "\(address) is not a public address (\(reason.rawValue)\(by))"
        }
    }

    public enum Reason: String, Hashable, Sendable, CaseIterable {
        case unspecified
        case loopback
        case privateNetwork = "private network"
        case linkLocal = "link-local"
        case carrierGradeNAT = "carrier-grade NAT"
        case metadata = "cloud metadata service"
        case multicast
        case broadcast
        case documentation
        case benchmarking
        case reserved
        case discardOnly = "discard-only"
        case ipv4Compatible = "IPv4-compatible"
        case nat64 = "local NAT64"
        case sixToFour = "6to4"
        case teredo = "Teredo"
    }

    public enum Carrier: String, Hashable, Sendable {
        case ipv4Mapped = "IPv4-mapped"
        case ipv4Compatible = "IPv4-compatible"
        case nat64 = "NAT64"
        case sixToFour = "6to4"
    }
}
