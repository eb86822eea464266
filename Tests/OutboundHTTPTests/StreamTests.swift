import Foundation
import HTTPTypes
import Synchronization
import OutboundHTTP
import Support
import Testing

@Suite("Streamed bodies")
struct StreamTests {
    static let size = 192 << 20

    // In processes of their own: the memory of this one is also that of the tests beside.

    @Test("A long download is written byte for byte in flat memory")
    func download() async throws {
        await #expect(processExitsWith: .success) {
            let peer = try Peer { connection in
                _ = try connection.readRequest()
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n")
                var pattern = Pattern()
                for _ in 0..<(Self.size >> 20) { try connection.send(pattern.next(1 << 20)) }
            }
            let file = TemporaryFile()
            let before = peakMemory()
            let result = try await withClient { client in
                try await client.download(local(.get, peer.url), toFile: file.path)
            }
            #expect(peakMemory() - before < 32 << 20)
            #expect(result.size == Int64(Self.size))
            #expect(result.refused == nil)
            let written = try #require(FileHandle(forReadingAtPath: file.path))
            var pattern = Pattern()
            while let piece = try written.read(upToCount: 1 << 20), !piece.isEmpty {
                pattern.compare(Array(piece)[...])
            }
            #expect(pattern.isIntact)
            #expect(pattern.position == Self.size)
        }
    }

    @Test("A long form is sent byte for byte in flat memory")
    func upload() async throws {
        await #expect(processExitsWith: .success) {
            let file = TemporaryFile(bytes: Self.size)
            let peer = try Peer { connection in
                let head = try connection.readHead()
                let boundary = head.headers["content-type"]?.split(separator: "=").last ?? ""
                // The part's own head reads like a request's.
                let part = try connection.readHead()
                var pattern = Pattern()
                _ = connection.drain(Self.size) { pattern.compare($0) }
                let end = "\r\n--\(boundary)--\r\n"
                let ended = try connection.read(end.utf8.count) == Array(end.utf8)
                let good = pattern.isIntact && ended && part.line == "--\(boundary)"
                try connection.answer(
                    good ? "200 OK" : "400 Bad Request", body: part.headers["content-disposition"] ?? "")
            }
            let before = peakMemory()
            let form = MultipartForm([
                .file("file", filename: "rows.csv", contentType: "text/csv", FileSlice(path: file.path))
            ])
            let response = try await withClient {
                try await $0.send(local(.post, peer.url, body: .multipart(form), timeouts: .init(total: nil)))
            }
            #expect(peakMemory() - before < 32 << 20)
            #expect(response.status == .ok)
            #expect(response.body == Array("form-data; name=\"file\"; filename=\"rows.csv\"".utf8))
        }
    }

    @Test("A body that is written while it is sent arrives whole, with and without a length", arguments: [true, false])
    func written(hasLength: Bool) async throws {
        let count = 4 << 20
        let peer = try Peer { connection in
            let request = try connection.readRequest()
            var pattern = Pattern()
            pattern.compare(request.body[...])
            let framing = request.headers["transfer-encoding"] ?? request.headers["content-length"] ?? ""
            try connection.answer(body: "\(pattern.isIntact) \(request.body.count) \(framing)")
        }
        let body = OutboundBody.stream(length: hasLength ? Int64(count) : nil) { writer in
            var pattern = Pattern()
            for _ in 0..<(count >> 15) { try await writer.write(pattern.next(1 << 15)) }
        }
        let response = try await withClient { try await $0.send(local(.put, peer.url, body: body)) }
        #expect(
            String(decoding: response.body, as: UTF8.self) == "true \(count) \(hasLength ? "\(count)" : "chunked")")
    }

    @Test("A peer that does not read stops the writer")
    func writerWaits() async throws {
        let (go, read) = (Signal(), Signal())
        let written = Atomic(0)
        let peer = try Peer { connection in
            _ = try connection.readHead()
            read.fire()
            go.waitBlocking()
        }
        let body = OutboundBody.stream { writer in
            while true {
                try await writer.write([UInt8](repeating: 7, count: 64 << 10))
                written.add(64 << 10, ordering: .relaxed)
            }
        }
        try await withClient { client in
            let error = await client.failure(
                of: local(.post, peer.url, body: body, timeouts: .init(total: .seconds(2))))
            guard case .timeout(.total) = error?.kind else { throw try #require(error) }
        }
        go.fire()
        // The kernel's buffers on both ends, and ours.
        #expect(written.load(ordering: .relaxed) < 32 << 20)
    }

    @Test("A body that fails ends the request, and says why")
    func writerFails() async throws {
        struct Broken: Error {}
        let peer = try Peer { $0.waitForClose() }
        let body = OutboundBody.stream { writer in
            try await writer.write([1, 2, 3])
            throw Broken()
        }
        let error = try await withClient { await $0.failure(of: local(.post, peer.url, body: body)) }
        guard case .bodySource(let cause) = error?.kind else { throw try #require(error) }
        #expect(cause is Broken)
        #expect(error?.kind.isAboutPeer == false)
    }

    @Test("A body of another length than announced ends the request", arguments: [2, 4])
    func wrongLength(announced: Int64) async throws {
        let peer = try Peer { $0.waitForClose() }
        let body = OutboundBody.stream(length: announced) { try await $0.write([1, 2, 3]) }
        let error = try await withClient { await $0.failure(of: local(.post, peer.url, body: body)) }
        guard case .bodySource(let cause) = error?.kind else { throw try #require(error) }
        #expect(cause is OutboundBodyWriter.WrongLength)
    }

    @Test("An answer that comes before the body is complete ends the writer")
    func earlyAnswer() async throws {
        let peer = try Peer { connection in
            _ = try connection.readHead()
            try connection.answer("413 Content Too Large", headers: "Connection: close\r\n")
        }
        let body = OutboundBody.stream { writer in
            while true {
                try await writer.write([1])
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        let response = try await withClient { try await $0.send(local(.post, peer.url, body: body)) }
        #expect(response.status == .contentTooLarge)
    }

    @Test("A reader that does not read holds the peer up", .inRealTime)
    func readerWaits() async throws {
        let blocked = Signal()
        let sent = Atomic(0)
        let limit = RealTime.limit
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: \(Self.size)\r\n\r\n")
            // Longer than the stall limit: waiting for this side is no stall.
            let count = connection.sendUntilBlocked([UInt8](repeating: 1, count: 1 << 16), patience: limit * 5 / 4)
            sent.store(count, ordering: .relaxed)
            blocked.fire()
            try connection.send([UInt8](repeating: 1, count: Self.size - count))
        }
        try await withClient { client in
            let timeouts = OutboundRequest.Timeouts(total: nil, stall: limit)
            try await client.withResponse(to: local(.get, peer.url, timeouts: timeouts)) { response in
                await blocked.wait()
                #expect(sent.load(ordering: .relaxed) < 32 << 20)
                var count = 0
                for try await chunk in response.chunks { count += chunk.count }
                #expect(count == Self.size)
            }
        }
    }

    @Test("The head is there before the body, and the body ends in order")
    func headFirst() async throws {
        let go = Signal()
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            go.waitBlocking()
            try connection.send("3\r\nabc\r\n0\r\n\r\n")
        }
        try await withClient { client in
            let body = try await client.withResponse(to: local(.get, peer.url)) { response in
                #expect(response.head.status == .ok)
                #expect(response.head.remoteAddress == "127.0.0.1")
                go.fire()
                return try await response.collect(upTo: 10)
            }
            #expect(body == Array("abc".utf8))
        }
    }

    @Test("A cut-off stream throws, and so does one beyond its limit")
    func cutOff() async throws {
        let peer = try Peer { connection in
            _ = try connection.readRequest()
            try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcde")
        }
        try await withClient { client in
            for (limit, name) in [(100, "reset"), (3, "too_large")] as [(Int64, String)] {
                do {
                    try await client.withResponse(to: local(.get, peer.url), limit: limit) { response in
                        for try await _ in response.chunks {}
                    }
                    Issue.record("ended in order")
                } catch let error as OutboundError {
                    #expect(error.kind.name == name)
                    #expect(error.stage == .receive)
                }
            }
        }
    }

    @Test("A download that fails leaves no file, a refused one neither")
    func failedDownload() async throws {
        let peer = try Peer { connection in
            let request = try connection.readRequest()
            if request.line.contains("refused") {
                try connection.answer("403 Forbidden", body: "<Error>expired</Error>")
            } else {
                try connection.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcde")
            }
        }
        let file = TemporaryFile()
        try await withClient { client in
            await #expect(throws: OutboundError.self) {
                try await client.download(local(.get, peer.url), toFile: file.path)
            }
            #expect(!FileManager.default.fileExists(atPath: file.path))
            let refused = try await client.download(local(.get, peer.url + "refused"), toFile: file.path)
            #expect(refused.head.status == .forbidden)
            #expect(refused.refused == Array("<Error>expired</Error>".utf8))
            #expect(!FileManager.default.fileExists(atPath: file.path))
            await #expect(throws: FileFailure.self) {
                _ = try await client.download(
                    local(.get, peer.url), toFile: "/nowhere/at/all", accepting: { _ in true })
            }
        }
    }
}
