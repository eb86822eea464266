import HTTPTypes
import OutboundHTTP
import Support
import Testing

@Suite("Egress when connecting")
struct EgressConnectionTests {
    private func peer() throws -> Peer {
        try Peer { connection in
            while true {
                _ = try connection.readRequest()
                try connection.answer()
            }
        }
    }

    @Test("An address that is not public is refused before anything is sent, also behind a name")
    func denied() async throws {
        let peer = try peer()
        try await withClient { client in
            for host in ["127.0.0.1", "localhost", "0x7f.1", "2130706433"] {
                let error = await client.failure(of: OutboundRequest(.post, "http://\(host):\(peer.port)/"))
                guard case .egressDenied(let denial) = error?.kind else { throw try #require(error) }
                #expect(denial.reason == .loopback)
                #expect(error?.requestMayHaveReachedPeer == false)
                #expect(error?.stage == .connect)
                #expect(error?.kind.name == "egress_denied")
            }
        }
        #expect(peer.connectionCount == 0)
    }

    @Test("An allowed network opens it")
    func allowed() async throws {
        let peer = try peer()
        let policy = EgressPolicy(allowing: try AllowedNetworks(parsing: "127.0.0.0/8"))
        let response = try await withClient { try await $0.send(OutboundRequest(.get, peer.url, egress: policy)) }
        #expect(response.status == .ok)
    }

    @Test("A kept connection that another policy opened is no way around this one")
    func keptConnection() async throws {
        let peer = try peer()
        try await withClient { client in
            _ = try await client.send(OutboundRequest(.get, peer.url, egress: .unrestricted))
            let error = await client.failure(of: OutboundRequest(.get, peer.url))
            guard case .egressDenied(let denial) = error?.kind else { throw try #require(error) }
            #expect(denial.reason == .loopback)
            #expect(error?.requestMayHaveReachedPeer == false)
            let policy = EgressPolicy(allowing: try AllowedNetworks(parsing: "127.0.0.0/8"))
            #expect(try await client.send(OutboundRequest(.get, peer.url, egress: policy)).status == .ok)
        }
    }

    @Test("A followed redirect is judged like the first request")
    func redirect() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.answer("302 Found", headers: "Location: http://127.0.0.2:1/\r\n")
        }
        let policy = EgressPolicy(allowing: try AllowedNetworks(parsing: "127.0.0.1"))
        try await withClient { client in
            let error = await client.failure(of: OutboundRequest(.get, peer.url, redirects: 3, egress: policy))
            guard case .egressDenied(let denial) = error?.kind else { throw try #require(error) }
            #expect(denial.address == IPAddress("127.0.0.2"))
        }
    }
}
