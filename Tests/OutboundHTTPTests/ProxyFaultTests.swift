import HTTPTypes
import OutboundHTTP
import Support
import Testing

@Suite("Whose fault it is, with a proxy")
struct ProxyFaultTests {
    private func failure(_ proxy: String, _ url: String, timeouts: OutboundRequest.Timeouts? = nil) async throws
        -> OutboundError
    {
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: "127.0.0.0/8,::1"))
        let request = OutboundRequest(
            .get, url, timeouts: timeouts ?? .init(connect: patience, total: patience), egress: egress)
        let error = try await withClient(.init(userAgent: "causeway-tests", proxy: proxy)) {
            await $0.failure(of: request)
        }
        return try #require(error)
    }

    @Test("One that is not there is at fault", arguments: ["http://localhost/", "https://localhost/"])
    func refused(url: String) async throws {
        let error = try await failure("http://127.0.0.1:9", url)
        #expect(error.isProxyFault)
        #expect(error.requestMayHaveReachedPeer == false)
    }

    @Test("One that does not accept is at fault", .inRealTime, arguments: ["http://localhost/", "https://localhost/"])
    func silent(url: String) async throws {
        let full = try FullListener()
        let error = try await failure(full.url, url, timeouts: .init(connect: RealTime.limit, total: patience))
        guard case .timeout(.connect) = error.kind else { throw error }
        #expect(error.isProxyFault)
    }

    @Test("One that hangs up on CONNECT is at fault", arguments: ["http://localhost/", "https://localhost/"])
    func hangsUp(url: String) async throws {
        let proxy = try Peer { _ = try $0.readHead() }
        let error = try await failure(proxy.url, url)
        #expect(error.isProxyFault)
        #expect(error.stage == .connect)
    }

    @Test(
        "What it answers to CONNECT is about the peer, unless it wants to know who we are",
        arguments: [("407 Proxy Authentication Required", true), ("502 Bad Gateway", false), ("403 Forbidden", false)],
        ["http://localhost/", "https://localhost/"])
    func answers(_ answer: (status: String, isFault: Bool), url: String) async throws {
        let proxy = try Peer { connection in
            _ = try connection.readHead()
            try connection.answer(answer.status)
        }
        let error = try await failure(proxy.url, url)
        guard case .connect = error.kind else { throw error }
        #expect(error.isProxyFault == answer.isFault)
        #expect(error.stage == .connect)
        #expect(error.requestMayHaveReachedPeer == false)
    }
}
