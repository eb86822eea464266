import CausewayAPI
import CausewayCore
import FileStore
import Foundation
import Glibc
import Hummingbird
import HummingbirdTesting
import Imports
import NIOCore
import Support
import Testing

@Suite("A body that comes too slowly", .inRealTime)
struct SlowBodyTests {
    /// Serves on a port, and has `talk` speak to it over a socket, on a thread that may block.
    private func serving<Result: Sendable>(
        _ api: APIFixture, _ talk: @escaping @Sendable (PeerConnection) throws -> Result
    ) async throws -> Result {
        let window = TimeAmount.nanoseconds(RealTime.limit.nanoseconds)
        let app = Application(
            responder: api.app.responder,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [SlowBody(minimum: 100, window: window), EarlyAnswer()],
                    idleTimeout: .seconds(75))),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)))
        return try await app.test(.live) { client in
            let port = UInt16(try #require(client.port))
            return try await withCheckedThrowingContinuation { continuation in
                let thread = Thread {
                    continuation.resume(
                        with: Swift.Result {
                            let connection = try PeerConnection(to: port)
                            defer { connection.close() }
                            return try talk(connection)
                        })
                }
                thread.start()
            }
        }
    }

    private static func head(_ request: String, _ headers: String...) -> String {
        let all = ["\(request) HTTP/1.1", "Host: x", "Authorization: Bearer \(APIFixture.adminKey)"] + headers
        return all.joined(separator: "\r\n") + "\r\n\r\n"
    }

    @Test(
        "is cut off, whether it trickles or stands still, and leaves neither file nor record",
        arguments: ["Content-Length: 1000000", "Transfer-Encoding: chunked"], [true, false])
    func cut(framing: String, trickles: Bool) async throws {
        let api = try await APIFixture()
        let limit = RealTime.limit
        let took = try await serving(api) { connection in
            let begun = ContinuousClock.now
            try connection.send(Self.head("PUT /v1/imports/customers", framing))
            try connection.send(framing.hasPrefix("T") ? "6\r\nemail\n\r\n" : "email\n")
            let piece = framing.hasPrefix("T") ? "1\r\na\r\n" : "a"
            if trickles {
                while (try? connection.send(piece)) != nil { usleep(useconds_t(limit.nanoseconds / 20_000)) }
            } else {
                connection.waitForClose()
            }
            return begun.duration(to: .now)
        }
        #expect(took >= limit && took < limit * 8, "\(took)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: api.uploads.directory).isEmpty)
        #expect(try await api.ask(.get, "/v1/imports").json["data"]?.array?.isEmpty == true)
    }

    @Test("is taken where it keeps coming, also on a connection that was used before")
    func taken() async throws {
        let api = try await APIFixture()
        let limit = RealTime.limit
        let row = String(repeating: "a", count: 100) + "@example.com\n"
        let statuses = try await serving(api) { connection in
            try (0..<2).map { number in
                // Longer than the window between two requests is no matter.
                usleep(useconds_t(limit.nanoseconds / 1000 * 3 / 2))
                let length = 6 + 8 * (row.utf8.count + 1)
                try connection.send(
                    Self.head("PUT /v1/imports/customers?mode=dry_run", "Content-Length: \(length)"))
                try connection.send("email\n")
                for piece in 0..<8 {
                    try connection.send("\(piece)" + row)
                    usleep(useconds_t(limit.nanoseconds / 3000))
                }
                let answer = try connection.readRequest()
                return answer.line
            }
        }
        #expect(statuses == ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"])
    }

    @Test("of an upload that can be gone on with keeps what came")
    func kept() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(
            .post, "/v1/uploads?object=customers", headers: [.contentType: "text/csv"], body: nil)
        let path = try #require(made.headers[.location])
        try await serving(api) { connection in
            try connection.send(
                Self.head(
                    "PATCH \(path)", "Content-Type: application/partial-upload", "Upload-Offset: 0",
                    "Upload-Complete: ?1", "Content-Length: 27"))
            try connection.send("email,name\n")
            connection.waitForClose()
        }
        let head = try await api.ask(.head, path)
        #expect(head.headers.first { $0.name.canonicalName == "upload-offset" }?.value == "11")
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 { components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000 }
}
