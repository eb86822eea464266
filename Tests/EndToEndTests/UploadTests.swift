import CausewayCore
import Foundation
import Support
import Testing

@Suite("Uploads as people make them", .serialized)
struct UploadTests {
    @Test("Packed by gzip or zstd, raw or as a form, a file arrives as it was before", .timeLimit(.minutes(9)))
    func packed() async throws {
        try await Stage.run { stage in
            let csv = try UploadFile.rows(200_000, "customers", in: stage.directory)
            let plain = try await stage.gateway.curl(
                ["--data-binary", "@\(csv.path)"], "/v1/imports/customers?mode=dry_run")
            #expect(plain.status == 200 && plain["sha256"]?.string == csv.sha256)
            for (program, suffix) in [("gzip", "gz"), ("zstd", "zst")] {
                try await Shell.run("\(program) -k -f \(csv.path)")
                let packed = csv.path + "." + suffix
                let digest = try await Shell.run(
                    "echo \"sha-256=:$(openssl dgst -sha256 -binary \(packed) | base64)\":")
                let header = ["-H", "Content-Encoding: \(program)", "-H", "Content-Digest: \(digest)"]
                let raw = try await stage.gateway.curl(
                    header + ["-T", packed], "/v1/imports/customers?mode=dry_run")
                #expect(raw.status == 200 && raw["sha256"]?.string == csv.sha256, "\(program): \(raw.text)")
                #expect(raw["size"] == plain["size"] && raw["rows"] == plain["rows"])
                let unsaid = try await stage.gateway.curl(["-F", "file=@\(packed)"], "/v1/imports/customers")
                #expect(unsaid.status == 422 && unsaid.text.contains("Content-Encoding: \(program)"))
            }
        }
    }

    @Test("One that breaks off, with or without a length, leaves neither file nor record", .timeLimit(.minutes(9)))
    func brokenOff() async throws {
        try await Stage.run { stage in
            let csv = try UploadFile.rows(100_000, "customers", in: stage.directory)
            for header in ["X-Nothing: 1", "Transfer-Encoding: chunked"] {
                for body in [["-T", csv.path], ["-F", "file=@\(csv.path)"], ["--data-binary", "@\(csv.path)"]] {
                    let broken = try await stage.gateway.curl(
                        ["-H", header, "--limit-rate", "200k", "--max-time", "1.5"] + body, "/v1/imports/customers")
                    #expect(broken.exit == 28, "\(header) \(body)")
                }
            }
            let uploads = stage.gateway.dataDirectory + "/uploads"
            try await asking("an empty directory of uploads") {
                try FileManager.default.contentsOfDirectory(atPath: uploads).isEmpty ? () : nil
            }
            #expect(try await stage.gateway.get("/v1/imports").data.isEmpty)
            // A server error would have been logged as one.
            #expect(!stage.gateway.log.contains("\"status\":\"500\""))
        }
    }

    @Test("What the head is refused for is told before the body is asked for", .timeLimit(.minutes(9)))
    func expectation() async throws {
        try await Stage.run(settings: ["CAUSEWAY_IMPORTS_MAX_SIZE": "3MiB"]) { stage in
            let file = try UploadFile.rows(50_000, "customers", in: stage.directory)
            let made = try await stage.gateway.post(
                "/v1/keys", ["name": "partners only", "scopes": ["imports:write:partners"]])
            let narrow = made["key"]?.string ?? ""
            let good = "/v1/imports/customers"
            for (path, key, headers, status) in [
                (good, "wrong", [], 401), (good, narrow, [], 403), ("/v1/imports/wallets", nil, [], 404),
                (good + "?mode=some", nil, [], 422), (good, nil, ["Content-Type: image/png"], 415),
                (good, nil, ["Content-Encoding: br"], 415), (good, nil, ["Content-Digest: md5"], 400),
                ("/v1/uploads", nil, [], 422), (good, nil, [], 202),
            ] as [(String, String?, [String], Int)] {
                let method = path == "/v1/uploads" ? "POST" : "PUT"
                let answer = try await stage.gateway.curl(
                    ["-v", "-X", method, "-T", file.path] + headers.flatMap { ["-H", $0] }, path,
                    key: key ?? GatewayProcess.adminKey)
                #expect(answer.status == status, "\(path) \(headers): \(answer.text)")
                #expect(answer.trace.contains("> Expect: 100-continue"))
                #expect(answer.trace.contains("< HTTP/1.1 100 Continue") == (status == 202), "\(path) \(headers)")
            }
        }
    }

    @Test("A small body that is refused unread costs nobody the connection", .timeLimit(.minutes(9)))
    func keptAlive() async throws {
        try await Stage.run { stage in
            let (wrong, health) = (stage.gateway.url + "/v1/imports/wallets", stage.gateway.url + "/healthz")
            let said = try await Shell.run(
                """
                curl -v -s --noproxy '*' -u :\(GatewayProcess.adminKey) --data-binary 'email' \(wrong) \
                    --next -s -v --noproxy '*' \(health) 2>&1
                """)
            #expect(said.contains("HTTP/1.1 404"))
            #expect(said.contains("Re-using existing connection"))
        }
    }

    @Test("However long a file is, it takes the same memory, packed too", .timeLimit(.minutes(9)))
    func memory() async throws {
        try await Stage.run { stage in
            let uri = "/v1/imports/customers?mode=dry_run"
            let file = try UploadFile.rows(200_000, "customers", in: stage.directory)
            #expect(try await stage.gateway.curl(["-T", file.path], uri).status == 200)
            let before = stage.gateway.peakMemory
            // Twenty times the same rows behind one header.
            let large = stage.directory.file("large.csv")
            try await Shell.run(
                "(head -n 1 \(file.path); for i in $(seq 20); do tail -n +2 \(file.path); done) > \(large)")
            #expect(try await stage.gateway.curl(["-T", large], uri)["rows"]?["total"] == 4_000_000)
            try await Shell.run("zstd -q \(large)")
            let packed = try await stage.gateway.curl(
                ["-H", "Content-Encoding: zstd", "-T", large + ".zst"], uri)
            #expect(packed["rows"]?["total"] == 4_000_000)
            let grown = stage.gateway.peakMemory - before
            #expect(grown < 64 << 20, "\(grown >> 20) MiB more")
        }
    }

    @Test(
        "A peer that sends on after it was refused is cut off", .timeLimit(.minutes(9)),
        arguments: [
            ("no-such-key", "Transfer-Encoding: chunked", "401"), ("no-such-key", "Content-Length: 99999999999", "401"),
            (GatewayProcess.adminKey, "Transfer-Encoding: chunked", "413"),
        ])
    func endless(key: String, framing: String, status: String) async throws {
        try await Stage.run(settings: ["CAUSEWAY_IMPORTS_MAX_SIZE": "3MiB"]) { stage in
            let port = stage.gateway.url.split(separator: ":").last ?? ""
            let head =
                "PUT /v1/imports/customers HTTP/1.1\\r\\nHost: x\\r\\nAuthorization: Bearer \(key)\\r\\n\(framing)\\r\\n\\r\\n"
            // One chunk of two gigabytes, and more where that is not enough: the sender ends when nobody reads.
            let answer = try await Shell.run(
                """
                exec 3<>/dev/tcp/127.0.0.1/\(port)
                head -n 1 <&3 & reader=$!
                (printf '\(head)7fffffff\\r\\n'; exec head -c 2000000000 /dev/zero) >&3 2>/dev/null && echo 'took all'
                wait $reader
                """)
            #expect(answer.contains("HTTP/1.1 \(status)"))
            #expect(!answer.contains("took all"))
        }
    }
}

/// A CSV that a test uploads.
struct UploadFile {
    let path: String
    let sha256: String
    let size: Int

    /// With so many rows that all differ.
    static func rows(_ count: Int, _ name: String, in directory: TemporaryDirectory) throws -> UploadFile {
        var text = "email,name\n"
        text.reserveCapacity(count * 50)
        for number in 0..<count {
            text += "customer-\(number)@example.com,Name \(number &* 2_654_435_761 % 1_000_003)\n"
        }
        let path = directory.file(name + ".csv")
        try Data(text.utf8).write(to: URL(filePath: path))
        return UploadFile(path: path, sha256: Digest.sha256Hex(text), size: text.utf8.count)
    }
}

/// A line for bash.
enum Shell {
    /// Runs until it ends or is ended.
    static func start(_ script: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["timeout", "300", "bash", "-c", script]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.start()
        return process
    }

    @discardableResult
    static func run(_ script: String) async throws -> String {
        let file = FileManager.default.temporaryDirectory.appending(path: "shell-\(UUID().uuidString)")
        try Data().write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        let output = try FileHandle(forWritingTo: file)
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["timeout", "120", "bash", "-c", script]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        try await withCheckedThrowingContinuation { continuation in
            process.terminationHandler = { _ in continuation.resume() }
            do { try process.start() } catch { continuation.resume(throwing: error) }
        }
        try output.close()
        return String(decoding: try Data(contentsOf: file), as: UTF8.self).trimmingCharacters(
            in: .whitespacesAndNewlines)
    }
}
