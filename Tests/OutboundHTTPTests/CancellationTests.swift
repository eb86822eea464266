import CausewayCore
import HTTPTypes
import Logging
import OutboundHTTP
import Support
import Testing

@Suite("Cancelling and stopping")
struct CancellationTests {
    /// Takes requests, never answers, and tells when a connection is closed.
    private func silentPeer(_ arrived: Signal, _ closed: Signal, answer: String? = nil) throws -> Peer {
        try Peer { connection in
            _ = try connection.readRequest()
            if let answer { try connection.send(answer) }
            arrived.fire()
            connection.waitForClose()
            closed.fire()
        }
    }

    @Test("Cancelling the task closes the connection")
    func cancel() async throws {
        let (arrived, closed) = (Signal(), Signal())
        let peer = try silentPeer(arrived, closed)
        try await withClient { client in
            let task = Task { await client.failure(of: local(.post, peer.url, timeouts: .init(total: nil))) }
            await arrived.wait()
            task.cancel()
            let error = await task.value
            guard case .cancelled = error?.kind else { throw try #require(error) }
            #expect(error?.requestMayHaveReachedPeer == true)
            await closed.wait()
        }
    }

    @Test("A task that is cancelled before it sends, sends nothing")
    func cancelledBefore() async throws {
        let peer = try Peer { _ = try $0.readRequest() }
        try await withClient { client in
            let go = Signal()
            let task = Task {
                await go.wait()
                return await client.failure(of: local(.post, peer.url))
            }
            task.cancel()
            go.fire()
            let error = await task.value
            guard case .cancelled = error?.kind else { throw try #require(error) }
            #expect(error?.requestMayHaveReachedPeer == false)
        }
        #expect(peer.connectionCount == 0)
    }

    @Test("Leaving a stream early closes the connection, a cancelled reader too", arguments: [true, false])
    func stream(byCancelling: Bool) async throws {
        let (arrived, closed) = (Signal(), Signal())
        let peer = try silentPeer(
            arrived, closed, answer: "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nsome")
        try await withClient { client in
            let task = Task {
                try await client.withResponse(to: local(.get, peer.url)) { response in
                    for try await chunk in response.chunks where !byCancelling { return chunk }
                    return []
                }
            }
            await arrived.wait()
            if byCancelling {
                task.cancel()
                await #expect(throws: OutboundError.self) { try await task.value }
            } else {
                let bytes = try await task.value
                #expect(bytes == Array("some".utf8))
            }
            await closed.wait()
        }
    }

    @Test("Cancelling a request whose body is being written ends the writer")
    func cancelWriter() async throws {
        let (writing, ended) = (Signal(), Signal())
        let peer = try Peer { $0.waitForClose() }
        try await withClient { client in
            let body = OutboundBody.stream { writer in
                defer { ended.fire() }
                while true {
                    try await writer.write([UInt8](repeating: 1, count: 1 << 16))
                    writing.fire()
                }
            }
            let task = Task { await client.failure(of: local(.post, peer.url, body: body)) }
            await writing.wait()
            task.cancel()
            let error = await task.value
            guard case .cancelled = error?.kind else { throw try #require(error) }
            await ended.wait()
        }
    }

    @Test("Cancelling from everywhere at any time never loses an answer")
    func storm() async throws {
        let peer = try Peer { connection in
            while true {
                _ = try connection.readRequest()
                try connection.answer()
            }
        }
        try await withClient { client in
            await withTaskGroup(of: Void.self) { group in
                for number in 0..<400 {
                    group.addTask {
                        let task = Task { try? await client.send(local(.post, peer.url, body: .text("x"))) }
                        for _ in 0..<(number % 20) { await Task.yield() }
                        if number % 3 != 0 { task.cancel() }
                        _ = await task.value
                    }
                }
            }
            let response = try await client.send(local(.get, peer.url))
            #expect(response.status == .ok)
        }
    }

    @Test("Stopping the loop ends what is in flight, and what comes later")
    func stop() async throws {
        let (arrived, closed) = (Signal(), Signal())
        let peer = try silentPeer(arrived, closed)
        let loop = CurlMultiLoop(logger: Logger(label: "tests"))
        let client = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "tests"))

        var error = await client.failure(of: local(.get, peer.url))
        guard case .stopped = error?.kind else { throw try #require(error) }

        try loop.start()
        try loop.start()
        let task = Task { await client.failure(of: local(.post, peer.url, timeouts: .init(total: nil))) }
        await arrived.wait()
        async let first: Void = loop.stop()
        async let second: Void = loop.stop()
        _ = await (first, second)
        error = await task.value
        guard case .stopped = error?.kind else { throw try #require(error) }
        #expect(error?.requestMayHaveReachedPeer == true)
        await closed.wait()

        error = await client.failure(of: local(.get, peer.url))
        guard case .stopped = error?.kind else { throw try #require(error) }
        await loop.stop()
    }

    @Test("A loop that is stopped without ever running is stopped")
    func neverStarted() async throws {
        await CurlMultiLoop(logger: Logger(label: "tests")).stop()
    }
}
