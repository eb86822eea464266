import Foundation
import HTTPTypes
import OutboundHTTP
import Support
import Testing

@Suite("Time-outs", .inRealTime)
struct TimeoutTests {
    @Test("A peer that takes the request and says nothing: total time-out at wait")
    func total() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            connection.waitForClose()
        }
        let error = try await withClient {
            await $0.failure(of: local(.post, peer.url, timeouts: .init(total: RealTime.limit)))
        }
        guard case .timeout(.total) = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .wait)
        #expect(error?.requestMayHaveReachedPeer == true)
    }

    @Test("A peer whose accept queue is full: connect time-out, nothing sent")
    func connect() async throws {
        let full = try FullListener()
        let error = try await withClient {
            await $0.failure(of: local(.post, full.url, timeouts: .init(connect: RealTime.limit)))
        }
        guard case .timeout(.connect) = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .connect)
        #expect(error?.requestMayHaveReachedPeer == false)
    }

    @Test("A peer that stops in the middle of its answer stalls")
    func stallReceiving() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
            connection.waitForClose()
        }
        try await withClient { client in
            var request = local(.get, peer.url, timeouts: .init(total: nil, stall: RealTime.limit))
            let error = await client.failure(of: request)
            guard case .timeout(.stall) = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .receive)
            #expect(error?.head?.status == .ok)

            request.answer = .beginning(upTo: 4096)
            let response = try await client.send(request)
            #expect(response.bodyTruncated)
            #expect(response.body == Array("some".utf8))
        }
    }

    @Test("A peer that stops reading the request stalls")
    func stallSending() async throws {
        let done = Signal()
        let peer = try Peer { connection in
            _ = try connection.readHead()
            done.waitBlocking()
        }
        let body = OutboundBody.bytes([UInt8](repeating: 1, count: 16 << 20))
        let error = try await withClient {
            await $0.failure(
                of: local(.post, peer.url, body: body, timeouts: .init(total: nil, stall: RealTime.limit)))
        }
        done.fire()
        guard case .timeout(.stall) = error?.kind else { throw try #require(error) }
        #expect(error?.stage == .send)
    }

    @Test("A peer that works on an upload for longer than the stall limit before it answers does not stall")
    func workingOnUpload() async throws {
        let longer = RealTime.limit * 3
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            Thread.sleep(forTimeInterval: longer / .seconds(1))
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        }
        let body = OutboundBody.multipart(MultipartForm([.field("file", String(repeating: "x", count: 1 << 20))]))
        let response = try await withClient {
            try await $0.send(
                local(.post, peer.url, body: body, timeouts: .init(total: patience, stall: RealTime.limit)))
        }
        #expect(response.status == .ok)
    }

    @Test("A peer that trickles does not stall, and its answer's beginning is kept when the time is over")
    func trickle() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 202 Accepted\r\n\r\n")
            while true {
                try connection.send(".")
                usleep(20_000)
            }
        }
        try await withClient { client in
            var request = local(.get, peer.url, timeouts: .init(total: RealTime.limit * 3, stall: RealTime.limit))
            request.answer = .beginning(upTo: 4096)
            let response = try await client.send(request)
            #expect(response.status == .accepted)
            #expect(response.bodyTruncated)
            #expect(response.body.count > 5)
        }
    }

    @Test("Waiting for this side's own body is no stall of the peer")
    func ownPause() async throws {
        let peer = try Peer { connection in
            let request = try connection.readRequest()
            try connection.answer(body: "\(request.body.count)")
        }
        let longer = RealTime.limit * 3
        let body = OutboundBody.stream { writer in
            try await writer.write([1])
            try await Task.sleep(for: longer)
            try await writer.write([2])
        }
        let response = try await withClient {
            try await $0.send(
                local(.post, peer.url, body: body, timeouts: .init(total: nil, stall: RealTime.limit)))
        }
        #expect(response.body == Array("2".utf8))
    }
}
