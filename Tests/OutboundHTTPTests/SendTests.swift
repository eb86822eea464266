import CausewayCore
import Foundation
import HTTPTypes
import OutboundHTTP
import Support
import Testing

@Suite("Sending requests")
struct SendTests {
    @Test("Method, headers and body arrive, the answer comes back whole")
    func roundTrip() async throws {
        let seen = Record<PeerRequest>()
        let peer = try Peer { connection in
            seen.add(try connection.readRequest())
            try connection.answer("201 Created", body: "made", headers: "X-Answer: yes\r\n")
        }
        try await withClient { client in
            var request = local(.patch, peer.url + "a/../b?c=d", body: .text("hello"))
            request.headers = [.contentType: "text/plain", .init("X-Empty")!: "", .contentLength: "99"]
            request.credentials = .init(user: Secret("me"), password: Secret("p:w"))
            let response = try await client.send(request)
            #expect(response.status == .created)
            #expect(response.headers[.init("X-Answer")!] == "yes")
            #expect(response.body == Array("made".utf8))
            #expect(!response.bodyTruncated)
            #expect(response.head.version == .http1_1)
            #expect(response.head.remoteAddress == "127.0.0.1")
            #expect(response.timings.total > .zero)
            #expect(response.timings.connected != nil)
        }
        let request = try #require(seen.all.first)
        #expect(request.line == "PATCH /a/../b?c=d HTTP/1.1")
        #expect(request.body == Array("hello".utf8))
        #expect(request.headers["content-type"] == "text/plain")
        #expect(request.headers["content-length"] == "5")
        #expect(request.headers["x-empty"] == "")
        #expect(request.headers["user-agent"] == "causeway-tests")
        #expect(request.headers["authorization"] == "Basic bWU6cDp3")
        #expect(request.headers["expect"] == nil)
    }

    @Test(
        "Each method goes out under its name, with a length where a body is usual",
        arguments: [
            (.get, nil), (.head, nil), (.delete, nil), (.options, nil), (.post, "0"), (.put, "0"), (.patch, "0"),
        ] as [(HTTPRequest.Method, String?)])
    func methods(method: HTTPRequest.Method, length: String?) async throws {
        let seen = Record<PeerRequest>()
        let peer = try Peer { connection in
            seen.add(try connection.readRequest())
            try connection.send("HTTP/1.1 204 No Content\r\n\r\n")
        }
        let response = try await withClient { try await $0.send(local(method, peer.url)) }
        #expect(response.status == .noContent)
        #expect(seen.all.first?.line == "\(method.rawValue) / HTTP/1.1")
        #expect(seen.all.first?.headers["content-length"] == length)
        #expect(seen.all.first?.headers["content-type"] == nil)
    }

    @Test("Any status is an answer, interim ones are not")
    func statuses() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            try connection.answer("503 Service Unavailable", headers: "Retry-After: 7\r\n")
        }
        let response = try await withClient { try await $0.send(local(.post, peer.url)) }
        #expect(response.status == .serviceUnavailable)
        #expect(response.headers[.retryAfter] == "7")
        #expect(response.headers[.init("Link")!] == nil)
    }

    @Test("A chunked answer is put together, its trailers let go")
    func chunked() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\nX-T: 1\r\n\r\n")
        }
        let response = try await withClient { try await $0.send(local(.get, peer.url)) }
        #expect(response.body == Array("abcde".utf8))
        #expect(response.headers[.init("X-T")!] == nil)
    }

    @Test("A kept connection serves the next request")
    func keepAlive() async throws {
        let peer = try Peer { connection in
            while true {
                _ = try connection.readRequest()
                try connection.answer()
            }
        }
        try await withClient { client in
            for _ in 1...5 { _ = try await client.send(local(.post, peer.url, body: .text("x"))) }
            #expect(peer.connectionCount == 1)
            _ = try await client.send(local(.post, peer.url, connection: .fresh))
            _ = try await client.send(local(.post, peer.url, connection: .fresh))
            #expect(peer.connectionCount == 3)
            _ = try await client.send(local(.post, peer.url))
            #expect(peer.connectionCount == 3)
        }
    }

    @Test("Five hundred requests at once are all answered, each with its own")
    func many() async throws {
        let gate = Signal()
        let waiting = Record<Int>()
        let peer = try Peer { connection in
            let request = try connection.readRequest()
            waiting.add(connection.number)
            if waiting.all.count == 500 { gate.fire() }
            gate.waitBlocking()
            try connection.answer(body: request.line)
        }
        try await withClient { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 1...500 {
                    group.addTask {
                        let response = try await client.send(local(.get, peer.url + "\(number)"))
                        #expect(String(decoding: response.body, as: UTF8.self) == "GET /\(number) HTTP/1.1")
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(peer.connectionCount == 500)
    }

    @Test("No more connections to one host than allowed; the rest wait their turn, and not beyond their time")
    func connectionLimit() async throws {
        let (gate, busy) = (Signal(), Signal())
        let peer = try Peer { connection in
            while true {
                _ = try connection.readRequest()
                if connection.number == 2 { busy.fire() }
                gate.waitBlocking()
                try connection.answer()
            }
        }
        try await withClient(loop: .init(connectionsPerHost: 2)) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...6 {
                    group.addTask { _ = try await client.send(local(.get, peer.url)) }
                }
                await busy.wait()
                let late = await client.failure(
                    of: local(.get, peer.url, timeouts: .init(total: RealTime.limit)))
                guard case .timeout(.total) = late?.kind else { throw try #require(late) }
                gate.fire()
                try await group.waitForAll()
            }
            #expect(peer.connectionCount == 2)
        }
    }

    @Test("A redirect is the answer unless it is to be followed")
    func redirects() async throws {
        let seen = Record<PeerRequest>()
        let other = try Peer { connection in
            seen.add(try connection.readRequest())
            try connection.answer(body: "there")
        }
        let peer = try Peer { connection in
            let request = try connection.readRequest()
            let target = request.line.contains("/loop") ? "/loop" : "http://localhost:\(other.port)/next"
            try connection.answer("302 Found", headers: "Location: \(target)\r\nConnection: close\r\n")
        }
        try await withClient { client in
            var request = local(.get, peer.url)
            request.credentials = .init(user: Secret("me"), password: Secret("secret"))
            request.headers[.cookie] = "a=b"
            #expect(try await client.send(request).status == .found)
            #expect(seen.all.isEmpty)

            request.redirects = 1
            let response = try await client.send(request)
            #expect(response.body == Array("there".utf8))
            #expect(seen.all.count == 1)
            #expect(seen.all[0].headers["authorization"] == nil)
            #expect(seen.all[0].headers["cookie"] == nil)

            request.url += "loop"
            request.redirects = 3
            let error = await client.failure(of: request)
            guard case .protocolViolation = error?.kind else { throw try #require(error) }
        }
    }

    @Test("A redirect to something other than the web is not followed", arguments: ["file:///etc/passwd", "ftp://x/"])
    func redirectScheme(target: String) async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.answer("302 Found", headers: "Location: \(target)\r\n")
        }
        try await withClient { client in
            var request = local(.get, peer.url)
            request.redirects = 5
            let error = await client.failure(of: request)
            guard case .protocolViolation = error?.kind else { throw try #require(error) }
        }
    }

    @Test("A proxy in the environment is not obeyed")
    func environmentProxy() async throws {
        await #expect(processExitsWith: .success) {
            let proxy = try Peer { connection in
                _ = try connection.readRequest()
                try connection.answer(body: "proxy")
            }
            let peer = try Peer { connection in
                _ = try connection.readRequest()
                try connection.answer(body: "peer")
            }
            for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
                _ = unsafe setenv(name, proxy.url, 1)
            }
            let response = try await withClient { try await $0.send(local(.get, peer.url)) }
            #expect(response.body == Array("peer".utf8))
            #expect(proxy.connectionCount == 0)
        }
    }

    @Test("A proxy that judges gets the name, and hides no address written in a URL")
    func proxy() async throws {
        let seen = Record<String>()
        let proxy = try Peer { connection in
            seen.add(try connection.readRequest().line)
            try connection.answer(body: "proxy")
        }
        try await withClient(.init(userAgent: "causeway-tests", proxy: proxy.url, proxyJudges: true)) { client in
            let response = try await client.send(OutboundRequest(.get, "http://example.invalid/x"))
            #expect(response.body == Array("proxy".utf8))
            #expect(seen.all == ["GET http://example.invalid/x HTTP/1.1"])
            let error = await client.failure(of: OutboundRequest(.get, "http://10.0.0.1/"))
            guard case .egressDenied = error?.kind else { throw try #require(error) }
        }
    }
}
