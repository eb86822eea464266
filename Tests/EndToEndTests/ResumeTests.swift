import CausewayCore
import Foundation
import Support
import Testing

@Suite("Uploads that are gone on with", .serialized)
struct ResumeTests {
    private func begin(_ gateway: GatewayProcess, _ query: String = "object=customers") async throws -> String {
        let made = try await gateway.curl(["-X", "POST"], "/v1/uploads?" + query)
        #expect(made.status == 201)
        return try #require(made.header("Location"))
    }

    private func offset(_ gateway: GatewayProcess, _ path: String) async throws -> Int {
        let head = try await gateway.curl(["-I"], path)
        #expect(head.status == 204)
        return try #require(head.header("Upload-Offset").flatMap { Int($0) })
    }

    private func headers(_ offset: Int, last: Bool) -> [String] {
        [
            "-H", "Upload-Offset: \(offset)", "-H", "Upload-Complete: \(last ? "?1" : "?0")", "-H",
            "Content-Type: application/partial-upload",
        ]
    }

    /// The four lines of the README.
    private func finish(_ gateway: GatewayProcess, _ path: String, _ file: UploadFile, at offset: Int) async throws
        -> Curl
    {
        let rest = file.path + ".rest"
        try await Shell.run("tail -c +\(offset + 1) \(file.path) > \(rest)")
        return try await gateway.curl(["-X", "PATCH", "-T", rest] + headers(offset, last: true), path)
    }

    @Test("One goes on after the gateway was killed, without what it had on the disk", .timeLimit(.minutes(9)))
    func killed() async throws {
        // In one piece, so that what arrives can be compared.
        try await Stage.run(settings: ["CAUSEWAY_IMPORTS_CHUNK_ROWS": "10000000"]) { stage in
            let file = try UploadFile.rows(700_000, "customers", in: stage.directory)
            #expect(file.size > 24 << 20)
            let path = try await begin(stage.gateway)
            let spooled = stage.gateway.dataDirectory + "/uploads/resumable/\(path.dropFirst(12)).part"
            async let first = stage.gateway.curl(
                ["-X", "PATCH", "-T", file.path, "--limit-rate", "20M"] + headers(0, last: true), path)
            try await asking("more than a checkpoint on the disk") {
                let size = try FileManager.default.attributesOfItem(atPath: spooled)[.size] as? Int
                return size ?? 0 > 17 << 20 ? () : nil
            }
            try await stage.gateway.kill()
            #expect(try await first.exit != 0)
            try await stage.gateway.start()
            let offset = try await offset(stage.gateway, path)
            #expect(offset >= 16 << 20 && offset < file.size)
            let last = try await finish(stage.gateway, path, file, at: offset)
            #expect(last.status == 202 && last["sha256"]?.string == file.sha256)
            let arrived = try await stage.simulator.get("/simulator/imports?wait=60&count=1").data
            #expect(arrived.first?["sha256"]?.string == file.sha256)

            // The answer was lost.
            let again = try await stage.gateway.curl(
                ["-X", "PATCH", "-d", ""] + headers(file.size, last: true), path)
            #expect(again["id"] == last["id"])
        }
    }

    @Test("A connection that hangs is ended by the next request, and what it brought is kept", .timeLimit(.minutes(9)))
    func hanging() async throws {
        try await Stage.run { stage in
            let file = try UploadFile.rows(100, "customers", in: stage.directory)
            let path = try await begin(stage.gateway)
            let hanging = try Shell.start(hold(stage.gateway, path, file, 1000))
            defer { hanging.terminate() }
            try await brought(1000, path, stage.gateway)
            let begun = ContinuousClock.now
            #expect(try await offset(stage.gateway, path) == 1000)
            #expect(begun.duration(to: .now) < .seconds(20))
            #expect(try await finish(stage.gateway, path, file, at: 1000).status == 202)
        }
    }

    @Test("On two gateways one goes on at the other, also while the first still waits for it", .timeLimit(.minutes(9)))
    func pair() async throws {
        try await Pair.run { pair in
            let (one, other) = (pair.gateways[0], pair.gateways[1])
            let file = try UploadFile.rows(100, "customers", in: pair.directory)
            let path = try await begin(one)
            let hanging = try Shell.start(hold(one, path, file, 1000))
            defer { hanging.terminate() }
            try await brought(1000, path, one)
            #expect(try await offset(other, path) == 1000)
            let last = try await finish(other, path, file, at: 1000)
            #expect(last.status == 202)
            let again = try await one.curl(["-X", "PATCH", "-d", ""] + headers(file.size, last: true), path)
            #expect(again["id"] == last["id"])
            #expect(try await pair.imported(1) == [file.sha256: 1])
        }
    }

    /// Sends so many bytes of the file, and says nothing more.
    private func hold(_ gateway: GatewayProcess, _ path: String, _ file: UploadFile, _ count: Int) -> String {
        """
        exec 3<>/dev/tcp/127.0.0.1/\(gateway.url.split(separator: ":").last ?? "")
        printf 'PATCH \(path) HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer \(GatewayProcess.adminKey)\\r\\n' >&3
        printf 'Content-Type: application/partial-upload\\r\\nUpload-Offset: 0\\r\\nUpload-Complete: ?1\\r\\n' >&3
        printf 'Content-Length: \(file.size)\\r\\n\\r\\n' >&3
        head -c \(count) \(file.path) >&3
        cat <&3
        """
    }

    private func brought(_ count: Int, _ path: String, _ gateway: GatewayProcess) async throws {
        let spooled = gateway.dataDirectory + "/uploads/resumable/\(path.dropFirst(12)).part"
        try await asking("\(count) bytes in the spool") {
            let size = try FileManager.default.attributesOfItem(atPath: spooled)[.size] as? Int
            return size == count ? () : nil
        }
    }
}
