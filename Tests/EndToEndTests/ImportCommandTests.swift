import CausewayCore
import Foundation
import Glibc
import Support
import Testing

@Suite("causeway import")
struct ImportCommandTests {
    private static let good = "email,name\na@example.com,A\n"

    private func start(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey, url: String? = nil
    ) throws -> ChildProcess {
        try ChildProcess(
            ["import"] + arguments,
            environment: ["CAUSEWAY_URL": url ?? stage.gateway.url, "CAUSEWAY_KEY": key], in: stage.directory.path)
    }

    private func run(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey, url: String? = nil
    ) async throws -> (status: Int32, text: String) {
        let child = try start(stage, arguments, key: key, url: url)
        return (try await child.exit(), child.text)
    }

    private func write(_ stage: Stage, _ name: String, _ text: String) throws {
        try text.write(toFile: stage.directory.file(name), atomically: true, encoding: .utf8)
    }

    @Test("sends a good file, waits for its end and prints the report; a bad one and a second time end with 1")
    func way() async throws {
        try await Stage.run { stage in
            try write(stage, "good file.csv", Self.good)
            let good = try await run(stage, ["good file.csv", "--object", "customers"])
            #expect(good.status == 0, "\(good.text)")
            #expect(good.text.hasPrefix("good file.csv: 1 of 1 row taken by PartnerStack's importer."), "\(good.text)")
            #expect(try await stage.simulator.get("/simulator/imports").data.count == 1)

            let again = try await run(stage, ["good file.csv", "--object", "customers"])
            #expect(again.status == 1 && again.text.contains("duplicate_import"), "\(again.text)")
            let forced = try await run(stage, ["good file.csv", "--object", "customers", "--force", "--json"])
            #expect(forced.status == 0, "\(forced.text)")
            #expect(try JSONValue(parsing: forced.text)["state"] == "completed")

            try write(stage, "bad.csv", "email,name\nb@example.com,B\nx@,B\n")
            let bad = try await run(stage, ["bad.csv", "--object", "customers"])
            #expect(bad.status == 1 && bad.text.contains("invalid_email"), "\(bad.text)")
            #expect(try await run(stage, ["bad.csv", "--object", "customers", "--dry-run"]).status == 1)
            let some = try await run(stage, ["bad.csv", "--object", "customers", "--mode", "valid_rows"])
            #expect(some.text.contains("rejected.csv?annotate=true"), "\(some.text)")

            let held = try await run(stage, ["good file.csv", "--object", "customers", "--force", "--approval"])
            #expect(held.status == 0 && held.text.contains("wait for another key's approval"), "\(held.text)")
        }
    }

    @Test("ends with 2 where it is called wrongly, with 1 where no gateway answers or the key is wrong")
    func wrong() async throws {
        try await Stage.run { stage in
            try write(stage, "good.csv", Self.good)
            for arguments in [
                ["good.csv"], ["none.csv", "--object", "customers"], ["good.csv", "--object", "customer"],
                ["good.csv", "--object", "customers", "--retry-for", "long"],
                ["good.csv", "--object", "customers", "--url", "ftp://x"], ["good.csv", "--object", "leads"],
                ["good.csv", "--object", "customers", "--group", "eu"], [".", "--object", "customers"],
                ["good.csv", "--object", "customers", "--send-invites"],
            ] {
                #expect(try await run(stage, arguments).status == 2, "\(arguments)")
            }
            let refused = try await run(stage, ["good.csv", "--object", "customers"], key: "cwy_wrong")
            #expect(refused.status == 1 && refused.text.contains("401"), "\(refused.text)")
            let nobody = "http://127.0.0.1:\(try FreePort.any())"
            let away = try await run(
                stage, ["good.csv", "--object", "customers", "--retry-for", "1s"], url: nobody)
            #expect(away.status == 1 && away.text.contains("cannot be reached"), "\(away.text)")
        }
    }

    @Test(
        "where the answer is lost the same import is asked for, and nothing is doubled, whatever was forced",
        arguments: [[], ["--force"]])
    func lostAnswer(options: [String]) async throws {
        try await Stage.run { stage in
            try write(stage, "good.csv", Self.good)
            // The first answer behind the file is dropped on the way back.
            let isLost = Watched(false)
            let isSent = Watched(false)
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in
                    if side == .client, bytes.starts(with: Array("PATCH ".utf8)) { isSent.change { $0 = true } }
                    guard side == .server, isSent.value, !isLost.value else { return .pass }
                    isLost.change { $0 = true }
                    return .cut
                }
            }
            defer { proxy.end() }
            let (status, text) = try await run(
                stage, ["good.csv", "--object", "customers"] + options, url: "http://127.0.0.1:\(proxy.port)")
            #expect(status == 0, "\(text)")
            #expect(isLost.value && text.contains("good.csv: 27 of 27 bytes are there; going on."), "\(text)")
            #expect(text.contains("taken by PartnerStack's importer"), "\(text)")
            #expect(try await stage.simulator.get("/simulator/imports").data.count == 1)
            #expect(try await stage.gateway.get("/v1/imports").data.count == 1)
        }
    }

    @Test("goes on where the connection broke, and after the gateway was killed, with what is on its disk")
    func broken() async throws {
        // In one piece, so that what arrives can be compared.
        try await Stage.run(settings: ["CAUSEWAY_IMPORTS_CHUNK_ROWS": "10000000"]) { stage in
            let file = try UploadFile.rows(700_000, "customers", in: stage.directory)
            #expect(file.size > 24 << 20)
            let road = Watched(Road())
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in road.change { $0.pass(side, bytes.count) } }
            }
            defer { proxy.end() }
            let child = try start(
                stage, ["customers.csv", "--object", "customers"], url: "http://127.0.0.1:\(proxy.port)")
            _ = try await road.first("the second break") { $0.breaks == 2 ? () : nil }
            try await stage.gateway.kill()
            try await stage.gateway.start()
            road.change { $0.isOpen = true }
            #expect(try await child.exit() == 0, "\(child.text)")
            let offsets = child.text.split(separator: "\n").filter { $0.hasSuffix("bytes are there; going on.") }
                .compactMap { $0.split(separator: " ").dropFirst().first.flatMap { Int($0) } }
            #expect(offsets.count >= 2, "\(child.text)")
            #expect(offsets == offsets.sorted() && offsets.allSatisfy { $0 > 0 && $0 < file.size }, "\(offsets)")
            let arrived = try await stage.simulator.get("/simulator/imports").data
            #expect(arrived.map { $0["sha256"]?.string } == [file.sha256])
        }
    }

    @Test("needs imports:write alone: it tells the import and its report, and does not wait for the end")
    func writeOnly() async throws {
        try await Stage.run { stage in
            let made = try await stage.gateway.post(
                "/v1/keys", ["name": "sender", "scopes": ["imports:write:customers"]])
            let key = try #require(made["key"]?.string)
            try write(stage, "good.csv", Self.good)
            let good = try await run(stage, ["good.csv", "--object", "customers"], key: key)
            #expect(good.status == 0 && good.text.contains("(scope imports:read). The import is imp_"), "\(good.text)")
            #expect(good.text.contains("good.csv: 1"), "\(good.text)")
            let again = try await run(stage, ["good.csv", "--object", "customers"], key: key)
            #expect(again.status == 1 && again.text.contains("duplicate_import"), "\(again.text)")
            try write(stage, "bad.csv", "email\nx@\n")
            let bad = try await run(stage, ["bad.csv", "--object", "customers"], key: key)
            #expect(bad.status == 1 && bad.text.contains("invalid_email"), "\(bad.text)")
            let other = try await run(stage, ["good.csv", "--object", "partners"], key: key)
            #expect(other.status == 1 && other.text.contains("403"), "\(other.text)")
        }
    }

    @Test("takes a pipe, whose bytes lie under no name meanwhile")
    func pipe() async throws {
        try await Stage.run { stage in
            let file = try UploadFile.rows(1000, "customers", in: stage.directory)
            let folder = stage.directory.file("temporary")
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            for (name, redirection) in [("-", "< customers.csv"), ("/dev/fd/3", "3< <(cat customers.csv)")] {
                let child = try ChildProcess(
                    ["import", name, "--object", "customers", "--force"],
                    under: ["/bin/bash", "-c", "exec \"$@\" \(redirection)", "bash"],
                    environment: [
                        "CAUSEWAY_URL": stage.gateway.url, "CAUSEWAY_KEY": GatewayProcess.adminKey, "TMPDIR": folder,
                        "PATH": "/usr/bin:/bin",
                    ], in: stage.directory.path)
                #expect(try await child.exit() == 0, "\(child.text)")
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
            }
            let arrived = try await stage.simulator.get("/simulator/imports").data
            #expect(arrived.map { $0["sha256"]?.string } == [file.sha256, file.sha256])
        }
    }

    @Test("stopped by Ctrl-C while it sends, it leaves nothing at the gateway")
    func stoppedSending() async throws {
        try await Stage.run { stage in
            let file = try UploadFile.rows(400_000, "customers", in: stage.directory)
            // More than the buffers on the way take.
            #expect(file.size > 14 << 20)
            let came = Watched(0)
            // Lets through a part of the file, and then nothing but the end of it.
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in
                    guard side == .client, !bytes.starts(with: Array("DELETE ".utf8)) else { return .pass }
                    let isEnough = came.change { came in
                        came += bytes.count
                        return came > 1 << 20
                    }
                    return isEnough ? .cut : .pass
                }
            }
            defer { proxy.end() }
            let child = try start(
                stage, ["customers.csv", "--object", "customers"], url: "http://127.0.0.1:\(proxy.port)")
            _ = try await child.line("the break") { $0.contains("It is tried again") ? () : nil }
            child.signal(SIGINT)
            #expect(try await child.exit() == 1)
            #expect(child.text.contains("Stopped. Nothing was imported"), "\(child.text)")
            let spool = stage.gateway.dataDirectory + "/uploads/resumable"
            #expect(try FileManager.default.contentsOfDirectory(atPath: spool).isEmpty)
            #expect(try await stage.gateway.get("/v1/imports").data.isEmpty)
        }
    }

    @Test("stopped by Ctrl-C while it waits, it says that the import goes on and how to follow it")
    func stopped() async throws {
        try await Stage.run(settings: ["CAUSEWAY_VENDOR_URL": "http://127.0.0.1:9"]) { stage in
            try write(stage, "good.csv", Self.good)
            let isWaiting = Watched(false)
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in
                    let text = String(decoding: bytes, as: UTF8.self)
                    if side == .client, text.hasPrefix("GET /v1/imports/imp_") { isWaiting.change { $0 = true } }
                    return .pass
                }
            }
            defer { proxy.end() }
            let child = try start(
                stage, ["good.csv", "--object", "customers"], url: "http://127.0.0.1:\(proxy.port)")
            _ = try await isWaiting.first("the command waiting") { $0 ? () : nil }
            child.signal(SIGINT)
            #expect(try await child.exit() == 1)
            #expect(child.text.contains("Stopped. The import goes on: GET http://127.0.0.1:"), "\(child.text)")
            #expect(child.text.contains("/v1/imports/imp_"), "\(child.text)")
        }
    }
}

/// A way to the gateway that breaks after twelve megabytes of a file, after eight more, and is shut then.
private struct Road {
    var breaks = 0
    var isOpen = false
    private var passed = 0

    mutating func pass(_ side: LoopbackProxy.Side, _ count: Int) -> LoopbackProxy.Verdict {
        if isOpen { return .pass }
        if breaks == 2 { return .cut }
        if side == .client { passed += count }
        guard passed > (breaks == 0 ? 12 : 20) << 20 else { return .pass }
        breaks += 1
        return .cut
    }
}
