import Foundation
import HTTPTypes
import OutboundHTTP
import Support
import Testing

@Suite("Failures by stage")
struct FailureTests {
    @Test("A name without an address fails at resolve, and nothing was sent")
    func resolve() async throws {
        let error = try await withClient { await $0.failure(of: local(.post, "http://\(noName)/")) }
        guard case .resolve = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .resolve)
        #expect(error?.requestMayHaveReachedPeer == false)
    }

    @Test("What could not be resolved, or was refused, spoils no request after it", arguments: [noName, "127.0.0.1:1"])
    func after(host: String) async throws {
        let peer = try Peer { connection in
            while true {
                _ = try connection.readRequest()
                try connection.answer()
            }
        }
        try await withClient { client in
            for _ in 0..<3 {
                for answer in [OutboundRequest.AnswerRule.beginning(upTo: 4096), .whole(upTo: 4096)] {
                    var wrong = local(.post, "http://\(host)/", body: .text("x"))
                    wrong.answer = answer
                    let error = await client.failure(of: wrong)
                    #expect(error?.kind.name == (host == noName ? "resolve" : "connect"), "\(answer)")
                    var right = local(.post, peer.url, body: .text("x"))
                    right.answer = answer
                    #expect(try await client.send(right).status == .ok)
                }
                try await client.withResponse(to: local(.get, peer.url)) { #expect($0.head.status == .ok) }
            }
        }
    }

    @Test("A closed port fails at connect, and nothing was sent")
    func refused() async throws {
        let url = try { () throws -> String in try Peer { _ in }.url }()
        let error = try await withClient { await $0.failure(of: local(.post, url, body: .text("x"))) }
        guard case .connect = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .connect)
        #expect(error?.requestMayHaveReachedPeer == false)
        #expect(error?.kind.isAboutPeer == true)
    }

    @Test("A peer that speaks no TLS fails at tls, and nothing was sent", arguments: [true, false])
    func tls(answers: Bool) async throws {
        let peer = try Peer { connection in
            _ = try connection.read(5)
            if answers { try connection.send("HTTP/1.1 400 Bad Request\r\n\r\n") }
        }
        let url = peer.url.replacingOccurrences(of: "http://", with: "https://")
        let error = try await withClient { await $0.failure(of: local(.post, url, body: .text("x"))) }
        guard case .tls = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .tls)
        #expect(error?.requestMayHaveReachedPeer == false)
    }

    @Test("A TLS handshake that never ends is a connect time-out at tls", .inRealTime)
    func tlsTimeout() async throws {
        let peer = try Peer { $0.waitForClose() }
        let url = peer.url.replacingOccurrences(of: "http://", with: "https://")
        let error = try await withClient {
            await $0.failure(of: local(.get, url, timeouts: .init(connect: RealTime.limit)))
        }
        guard case .timeout(.connect) = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .tls)
        #expect(error?.requestMayHaveReachedPeer == false)
    }

    @Test("A connection reset while waiting may have carried the request")
    func reset() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            connection.reset()
        }
        let error = try await withClient { await $0.failure(of: local(.post, peer.url, body: .text("x"))) }
        guard case .reset = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .wait)
        #expect(error?.requestMayHaveReachedPeer == true)
    }

    @Test("A connection reset in the middle of the request fails at send")
    func resetWhileSending() async throws {
        let peer = try Peer { connection in
            _ = try connection.readHead()
            _ = try connection.read(100_000)
            connection.reset()
        }
        let body = OutboundBody.bytes([UInt8](repeating: 1, count: 16 << 20))
        let error = try await withClient { await $0.failure(of: local(.post, peer.url, body: body)) }
        guard case .reset = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .send)
        #expect(error?.requestMayHaveReachedPeer == true)
    }

    @Test(
        "An answer cut off fails at receive, with its status",
        arguments: [
            "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nonly this",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nonly\r\n",
        ])
    func cutOff(answer: String) async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send(answer)
        }
        try await withClient { client in
            var request = local(.get, peer.url)
            let error = await client.failure(of: request)
            guard case .reset = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .receive)
            #expect(error?.head?.status == .ok)

            request.answer = .beginning(upTo: 4096)
            let response = try await client.send(request)
            #expect(response.status == .ok)
            #expect(response.bodyTruncated)
            #expect(String(decoding: response.body, as: UTF8.self).hasPrefix("only"))
        }
    }

    @Test(
        "What is not HTTP is named so",
        arguments: [
            "SSH-2.0-OpenSSH_9.2\r\n", "HTTP/9.9 what\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnot hex\r\n",
        ])
    func notHTTP(answer: String) async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send(answer)
            connection.waitForClose()
        }
        let error = try await withClient { await $0.failure(of: local(.get, peer.url)) }
        switch error?.kind {
        case .protocolViolation, .reset: break
        default: throw try #require(error)
        }
        #expect(error?.requestMayHaveReachedPeer == true)
    }

    @Test("More body than announced is not read into the next answer")
    func tooMuch() async throws {
        let peer = try Peer { connection in
            while true {
                _ = try connection.readRequest()
                try connection.send(
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 500 Injected\r\nContent-Length: 0\r\n\r\n")
            }
        }
        try await withClient { client in
            for _ in 1...3 {
                let response = try await client.send(local(.get, peer.url))
                #expect(response.status == .ok)
                #expect(response.body == Array("ok".utf8))
            }
        }
    }

    @Test("Endless headers are cut off")
    func endlessHeaders() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n")
            while true { try connection.send("X-Filler: \(String(repeating: "x", count: 1000))\r\n") }
        }
        let error = try await withClient { await $0.failure(of: local(.get, peer.url)) }
        guard case .tooLarge(.head) = error?.kind else { throw try #require(error) }
    }

    @Test("A header line without an end is cut off")
    func endlessHeader() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nX-Filler: ")
            while true { try connection.send(String(repeating: "x", count: 1000)) }
        }
        let error = try await withClient { await $0.failure(of: local(.get, peer.url)) }
        guard case .tooLarge(.head) = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .receive)
    }

    @Test("An endless body fails where all of it is wanted, and is cut off where its beginning is")
    func endlessBody() async throws {
        let closed = Signal()
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\n\r\n")
            while (try? connection.send(String(repeating: "x", count: 1000))) != nil {}
            if connection.number == 2 { closed.fire() }
        }
        try await withClient { client in
            var request = local(.get, peer.url)
            request.answer = .whole(upTo: 100_000)
            let error = await client.failure(of: request)
            guard case .tooLarge(.body) = error?.kind else { throw try #require(error) }
            #expect(error?.head?.status == .ok)

            request.answer = .beginning(upTo: 4096)
            let response = try await client.send(request)
            #expect(response.bodyTruncated)
            #expect(response.body.count == 4096)
            await closed.wait()
        }
    }

    @Test("A body of exactly the limit is whole")
    func exactly() async throws {
        let peer = try Peer { connection in
            while true {
                _ = try connection.readRequest()
                try connection.answer(body: String(repeating: "x", count: 4096))
            }
        }
        try await withClient { client in
            var request = local(.get, peer.url)
            for rule in [OutboundRequest.AnswerRule.beginning(upTo: 4096), .whole(upTo: 4096)] {
                request.answer = rule
                let response = try await client.send(request)
                #expect(response.body.count == 4096)
                #expect(!response.bodyTruncated)
            }
        }
    }

    @Test(
        "A request that cannot be sent is refused at once",
        arguments: [
            "", "nonsense://x", "ftp://127.0.0.1/", "http://", "file:///etc/passwd", "http://a b/", "http://a\0b/",
        ])
    func invalid(url: String) async throws {
        let error = try await withClient { await $0.failure(of: local(.get, url)) }
        guard case .invalidRequest = error?.kind else { throw try #require(error) }
        #expect(error?.requestMayHaveReachedPeer == false)
        #expect(error?.kind.isAboutPeer == false)
    }
}
