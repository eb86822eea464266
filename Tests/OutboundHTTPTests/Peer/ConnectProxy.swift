import Support

/// A proxy that makes tunnels (CONNECT, RFC 9110 section 9.3.6), all to one port on loopback, whatever it is asked for.
final class ConnectProxy: Sendable {
    private let requests = Record<PeerRequest>()
    private let peer: Peer

    var url: String { peer.url }
    /// The request lines.
    var lines: [String] { requests.all.map(\.line) }
    var connectionCount: Int { peer.connectionCount }

    init(to port: UInt16) throws {
        peer = try Peer { [requests] connection in
            requests.add(try connection.readHead())
            try connection.send("HTTP/1.1 200 Connection established\r\n\r\n")
            try connection.carry(to: port)
        }
    }
}
