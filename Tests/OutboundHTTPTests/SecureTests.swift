import Foundation
import HTTPTypes
import OutboundHTTP
import Support
import Testing

@Suite("TLS and HTTP/2", .enabled(if: Nginx.isInstalled, "needs nginx and openssl"))
struct SecureTests {
    @Test("HTTP/2 is spoken where it is offered, many requests on few connections")
    func http2() async throws {
        let nginx = try Nginx()
        try await withClient(.init(userAgent: "tests", caFile: nginx.certificate)) { client in
            let first = try await client.send(local(.get, nginx.url))
            #expect(first.head.version == .http2)
            #expect(first.timings.secured != nil)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...100 {
                    group.addTask {
                        let response = try await client.send(local(.post, nginx.url, body: .text("hello")))
                        #expect(response.head.version == .http2)
                        #expect(response.body == Array("POST 5".utf8))
                    }
                }
                try await group.waitForAll()
            }
            let fresh = try await client.send(local(.post, nginx.url, connection: .fresh))
            #expect(fresh.status == .ok)
        }
    }

    @Test("HTTP/1.1 is spoken over TLS where HTTP/2 is not wanted")
    func http1() async throws {
        let nginx = try Nginx()
        let client = OutboundHTTPClient.Configuration(userAgent: "tests", caFile: nginx.certificate, http2: false)
        let response = try await withClient(client) { try await $0.send(local(.get, nginx.url)) }
        #expect(response.head.version == .http1_1)
    }

    @Test("Long bodies go both ways where HTTP/2 is offered, whole, also when the answer comes early")
    func longBodies() async throws {
        let nginx = try Nginx()
        let size = 24 << 20
        let file = TemporaryFile(bytes: size)
        try FileManager.default.copyItem(atPath: file.path, toPath: nginx.folder + "/files/rows.csv")
        try await withClient(.init(userAgent: "tests", caFile: nginx.certificate)) { client in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 1...3 {
                    group.addTask {
                        try await client.withResponse(to: local(.get, nginx.url + "files/rows.csv")) { response in
                            #expect(response.head.version == .http1_1)
                            var pattern = Pattern()
                            for try await chunk in response.chunks {
                                pattern.compare(chunk[...])
                                await Task.yield()
                            }
                            #expect(pattern.isIntact)
                            #expect(pattern.position == size)
                        }
                    }
                }
                group.addTask {
                    let body = OutboundBody.stream { writer in
                        for _ in 0..<64 { try await writer.write([UInt8](repeating: 1, count: 1 << 16)) }
                    }
                    let response = try await client.send(local(.put, nginx.url, body: body))
                    #expect(response.status == .ok)
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("A certificate that is not trusted, or for another host, fails at tls before anything is sent")
    func untrusted() async throws {
        let nginx = try Nginx()
        try await withClient { client in
            let error = await client.failure(of: local(.post, nginx.url, body: .text("x")))
            guard case .tls = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .tls)
            #expect(error?.requestMayHaveReachedPeer == false)
        }
        try await withClient(.init(userAgent: "tests", caFile: nginx.certificate)) { client in
            let error = await client.failure(of: local(.post, "https://127.0.0.1:\(nginx.port)/"))
            guard case .tls = error?.kind else { throw try #require(error) }
            #expect(error?.stage == .tls)
        }
    }
}
