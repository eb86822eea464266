import HTTPTypes
import Support
import Testing

@testable import OutboundHTTP

@Suite("Through a proxy")
struct ProxyTests {
    private let hosts = Record<String?>()
    private let loopback = EgressPolicy(allowing: (try? AllowedNetworks(parsing: "127.0.0.0/8,::1")) ?? .none)
    private let timeouts = OutboundRequest.Timeouts(connect: patience, total: patience)

    private func peer() throws -> Peer {
        try Peer { [hosts] connection in
            while true {
                hosts.add(try connection.readRequest().headers["host"])
                try connection.answer()
            }
        }
    }

    private func request(_ url: String, egress: EgressPolicy? = nil) -> OutboundRequest {
        OutboundRequest(.get, url, timeouts: timeouts, egress: egress ?? loopback)
    }

    private func through(
        _ proxy: String, judges: Bool = false, caFile: String? = nil
    ) -> OutboundHTTPClient.Configuration {
        .init(userAgent: "causeway-tests", proxy: proxy, proxyJudges: judges, caFile: caFile)
    }

    @Test("It is handed the address that was judged, and the peer hears the name; the tunnel is kept")
    func judgedAddress() async throws {
        let peer = try peer()
        let proxy = try ConnectProxy(to: peer.port)
        try await withClient(through(proxy.url)) { client in
            for _ in 1...2 {
                let response = try await client.send(request("http://localhost:8080/x"))
                #expect(response.status == .ok)
                #expect(response.timings.resolved != nil)
                let address = try #require(response.head.remoteAddress.flatMap { IPAddress($0) })
                #expect(loopback.denial(of: address) == nil)
                #expect(
                    proxy.lines == ["CONNECT \(address.bitWidth == 32 ? "\(address)" : "[\(address)]"):8080 HTTP/1.1"])
            }
        }
        #expect(hosts.all == ["localhost:8080", "localhost:8080"])
    }

    @Test(
        "Addresses in URLs are handed over as they are, and are the remote address",
        arguments: [("127.0.0.2", "127.0.0.2"), ("0x7f.3", "127.0.0.3"), ("[::1]", "[::1]")])
    func literal(host: String, asked: String) async throws {
        let peer = try peer()
        let proxy = try ConnectProxy(to: peer.port)
        let response = try await withClient(through(proxy.url)) { try await $0.send(request("http://\(host):81/")) }
        #expect(response.head.remoteAddress == IPAddress(asked)?.description)
        #expect(proxy.lines == ["CONNECT \(asked):81 HTTP/1.1"])
    }

    @Test(
        "A name with a forbidden address is refused, and the proxy is never asked",
        arguments: ["localhost", "127.0.0.1"])
    func denied(host: String) async throws {
        let proxy = try ConnectProxy(to: 9)
        try await withClient(through(proxy.url)) { client in
            let error = await client.failure(of: request("http://\(host)/", egress: .publicOnly))
            guard case .egressDenied(let denial) = error?.kind else { throw try #require(error) }
            #expect(denial.reason == .loopback)
            #expect(error?.requestMayHaveReachedPeer == false)
            #expect(error?.isProxyFault == false)
            #expect(error?.stage == .connect)
        }
        #expect(proxy.connectionCount == 0)
    }

    @Test("A name without an address is the peer's fault, and the proxy is never asked")
    func unresolved() async throws {
        let proxy = try ConnectProxy(to: 9)
        try await withClient(through(proxy.url)) { client in
            let error = await client.failure(of: request("http://nobody.invalid/"))
            guard case .resolve = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .resolve)
            #expect(error?.isProxyFault == false)
        }
        #expect(proxy.connectionCount == 0)
    }

    /// A proxy that reaches no address of version 6; the name has one of each.
    private func halfBlind(_ asked: Record<String>, to port: UInt16) throws -> Peer {
        try Peer { connection in
            let line = try connection.readHead().line
            asked.add(line)
            guard !line.contains("[") else { return try connection.answer("502 Bad Gateway") }
            try connection.send("HTTP/1.1 200 Connection established\r\n\r\n")
            try connection.carry(to: port)
        }
    }

    @Test("Where the proxy cannot connect to one address, the next that is allowed is tried; the body is sent once")
    func nextAddress() async throws {
        let (asked, bodies) = (Record<String>(), Record<Int>())
        let peer = try Peer { connection in
            bodies.add(try connection.readRequest().body.count)
            try connection.answer()
        }
        let proxy = try halfBlind(asked, to: peer.port)
        let resolver = NameResolver { _ in .success([.v6(1), .v4(0x0a00_0001), .v4(0x7f00_0001)]) }
        try await withClient(through(proxy.url)) { client in
            var client = client
            client.resolver = resolver
            var request = request("http://two.example/")
            (request.method, request.body) = (.post, .bytes(Array(repeating: 7, count: 1000)))
            let response = try await client.send(request)
            #expect(response.head.remoteAddress == "127.0.0.1")
            let streamed = try await client.withResponse(to: request) { $0.head.status }
            #expect(streamed == .ok)
        }
        // 10.0.0.1 is not allowed.
        #expect(asked.all.count { $0.hasPrefix("CONNECT [::1]:80 ") } == 2)
        #expect(asked.all.contains { $0.hasPrefix("CONNECT 127.0.0.1:80 ") })
        #expect(!asked.all.contains { $0.contains("10.0.0.1") })
        #expect(bodies.all == [1000, 1000])
    }

    @Test("A proxy that reaches none of them says what it says of the last")
    func noAddress() async throws {
        let asked = Record<String>()
        let proxy = try halfBlind(asked, to: 9)
        let resolver = NameResolver { _ in .success([.v6(1), .v6(1)]) }
        try await withClient(through(proxy.url)) { client in
            var client = client
            client.resolver = resolver
            let error = await client.failure(of: request("http://two.example/"))
            guard case .connect = error?.kind else { throw try #require(error) }
            #expect(error?.isProxyFault == false)
        }
        #expect(asked.all.count == 2)
    }

    @Test("A proxy that judges gets the name; addresses in URLs are judged here all the same")
    func proxyJudges() async throws {
        let proxy = try Peer { connection in
            let line = try connection.readRequest().line
            try connection.answer("502 Bad Gateway", body: line)
        }
        try await withClient(through(proxy.url, judges: true)) { client in
            let response = try await client.send(request("http://nobody.invalid/x", egress: .publicOnly))
            #expect(response.body == Array("GET http://nobody.invalid/x HTTP/1.1".utf8))
            let error = await client.failure(of: request("http://10.0.0.1/", egress: .publicOnly))
            guard case .egressDenied = error?.kind else { throw try #require(error) }
        }
        #expect(proxy.connectionCount == 1)
    }

    @Test("What needs no judging goes there without a tunnel")
    func unrestricted() async throws {
        let proxy = try Peer { connection in
            try connection.answer(body: try connection.readRequest().line)
        }
        let response = try await withClient(through(proxy.url)) {
            try await $0.send(local(.get, "http://nobody.invalid/x"))
        }
        #expect(response.body == Array("GET http://nobody.invalid/x HTTP/1.1".utf8))
    }

    @Test("Redirects, which nobody would judge, are not followed")
    func redirects() async throws {
        let proxy = try ConnectProxy(to: 9)
        var request = request("http://localhost/")
        request.redirects = 1
        let error = try await withClient(through(proxy.url)) { [request] in await $0.failure(of: request) }
        guard case .invalidRequest = error?.kind else { throw try #require(error) }
        #expect(proxy.connectionCount == 0)
    }

    @Test("Over TLS the certificate is the name's", .enabled(if: Nginx.isInstalled, "needs nginx and openssl"))
    func secure() async throws {
        let nginx = try Nginx()
        let proxy = try ConnectProxy(to: nginx.port)
        try await withClient(through(proxy.url, caFile: nginx.certificate)) { client in
            let response = try await client.send(request(nginx.url))
            #expect(response.status == .ok)
            #expect(proxy.lines.first?.contains("localhost") == false)
            let error = await client.failure(of: request("https://127.0.0.1:\(nginx.port)/"))
            guard case .tls = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .tls)
            #expect(error?.isProxyFault == false)
        }
    }
}
