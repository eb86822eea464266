/// Networks that an operator opened although they are not public (`deliveries.allow_networks`).
public struct AllowedNetworks: Hashable, Sendable {
    public let networks: [IPNetwork]

    public static let none = AllowedNetworks([])

    public init(_ networks: [IPNetwork]) {
        self.networks = networks
    }

    /// Reads a list of blocks and plain addresses; throws every mistake at once.
    public init(parsing texts: [String]) throws(ParseErrors) {
        var networks: [IPNetwork] = []
        var mistakes: [IPNetwork.ParseError] = []
        for text in texts {
            do throws(IPNetwork.ParseError) {
                networks.append(try IPNetwork(parsing: text))
            } catch {
                mistakes.append(error)
            }
        }
        guard mistakes.isEmpty else { throw ParseErrors(mistakes: mistakes) }
        self.networks = networks
    }

    /// Reads a list separated by commas or white space, as an environment variable carries it.
    public init(parsing text: String) throws(ParseErrors) {
        try self.init(parsing: text.split { $0 == "," || $0.isWhitespace }.map(String.init))
    }

    public func contains(_ address: IPAddress) -> Bool {
        networks.contains { $0.contains(address) }
    }

    public struct ParseErrors: Error, Hashable, Sendable, CustomStringConvertible {
        public let mistakes: [IPNetwork.ParseError]
        public var description: String { mistakes.map(\.description).joined(separator: "; ") }
    }
}
