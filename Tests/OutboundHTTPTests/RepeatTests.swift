import HTTPTypes
import OutboundHTTP
import Support
import Testing

/// libcurl sends a request again by itself when a kept connection turns out to be dead. Retries of money depend on
/// knowing when that can happen.
@Suite("Sending twice")
struct RepeatTests {
    /// Answers the first request of its first connection, takes a second one there, and hangs up without a word.
    private func closingPeer(_ posts: Record<String>) throws -> Peer {
        try Peer { connection in
            while true {
                let request = try connection.readRequest()
                posts.add(String(decoding: request.body, as: UTF8.self))
                if connection.number == 1, request.body == Array("second".utf8) { return }
                try connection.answer()
            }
        }
    }

    @Test("On a kept connection that dies, libcurl sends a POST again by itself: it arrives twice")
    func reusable() async throws {
        let posts = Record<String>()
        let peer = try closingPeer(posts)
        try await withClient { client in
            _ = try await client.send(local(.post, peer.url, body: .text("first")))
            let response = try await client.send(local(.post, peer.url, body: .text("second")))
            #expect(response.status == .ok)
        }
        #expect(posts.all == ["first", "second", "second"])
    }

    @Test("A streamed body is not sent again either way: it cannot be read twice")
    func streamed() async throws {
        let posts = Record<String>()
        let peer = try closingPeer(posts)
        try await withClient { client in
            _ = try await client.send(local(.post, peer.url, body: .text("first")))
            let body = OutboundBody.stream(length: 6) { try await $0.write(Array("second".utf8)) }
            let error = await client.failure(of: local(.post, peer.url, body: body))
            #expect(error?.requestMayHaveReachedPeer == true)
        }
        #expect(posts.all == ["first", "second"])
    }

    @Test("A fresh connection is not one that died: the POST arrives exactly once, and all is well")
    func fresh() async throws {
        let posts = Record<String>()
        let peer = try closingPeer(posts)
        try await withClient { client in
            _ = try await client.send(local(.post, peer.url, body: .text("first")))
            _ = try await client.send(local(.post, peer.url, body: .text("second"), connection: .fresh))
        }
        #expect(posts.all == ["first", "second"])
        #expect(peer.connectionCount == 2)
    }

    @Test("A fresh connection that dies without an answer is an error, and the POST was sent once")
    func freshDies() async throws {
        let posts = Record<String>()
        let peer = try Peer { connection in
            posts.add(String(decoding: try connection.readRequest().body, as: UTF8.self))
        }
        try await withClient { client in
            let error = await client.failure(of: local(.post, peer.url, body: .text("pay"), connection: .fresh))
            guard case .reset = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .wait)
            #expect(error?.requestMayHaveReachedPeer == true)
        }
        #expect(posts.all == ["pay"])
    }
}
