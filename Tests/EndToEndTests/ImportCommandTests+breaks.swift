import CausewayCore
import Foundation
import Glibc
import Support
import Testing

// Answers that are lost, connections that break, gateways that are killed, and Ctrl-C.
extension ImportCommandTests {
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

    @Test("where no answer comes for too long it says that the import may exist, and has sent the file once")
    func doubt() async throws {
        try await Stage.run { stage in
            try write(stage, "good.csv", Self.good)
            let isSent = Watched(false)
            let proxy = try LoopbackProxy(to: URL(string: stage.gateway.url)?.port ?? 0) {
                { side, bytes in
                    if side == .client, bytes.starts(with: Array("PATCH ".utf8)) { isSent.change { $0 = true } }
                    return side == .server && isSent.value ? .cut : .pass
                }
            }
            defer { proxy.end() }
            let (status, text) = try await run(
                stage, ["good.csv", "--object", "customers", "--force", "--retry-for", "2s"],
                url: "http://127.0.0.1:\(proxy.port)")
            #expect(status == 1 && text.contains("no answer came: the import may exist"), "\(text)")
            #expect(text.contains(Digest.sha256Hex(Self.good)), "\(text)")
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
