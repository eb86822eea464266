import CausewayCore
import Crypto
import Dispatch
import Foundation
import Glibc
import Support
import Synchronization
import Testing

@Suite("causeway export, where it is stopped or the gateway is away", .serialized)
struct ExportCommandBreakTests {
    @Test("says at once that the gateway cannot be reached, and for how long it tries, and ends with 1")
    func away() async throws {
        let directory = try TemporaryDirectory()
        for (limit, isOver) in [("1s", true), ("1h", false)] {
            let child = try ChildProcess(
                ["export", "vrc_123456", "--output", "report.csv", "--quiet", "--retry-for", limit],
                environment: ["CAUSEWAY_URL": "http://127.0.0.1:1", "CAUSEWAY_KEY": "cwy_1"], in: directory.path)
            defer { child.signal(SIGKILL) }
            let line = try await child.line("what is the matter") { $0.contains("cannot be reached") ? $0 : nil }
            #expect(line.contains("http://127.0.0.1:1"))
            #expect(line.contains("tried again for up to \(limit)"))
            guard isOver else { continue }
            #expect(try await child.exit() == 1)
            #expect(child.text.contains("It was tried for \(limit)"))
        }
    }

    @Test("goes on when the gateway is back")
    func back() async throws {
        try await Stage.run(startsGateway: false) { stage in
            let command = try command(stage)
            _ = try await command.line("what is the matter") { $0.contains("cannot be reached") ? () : nil }
            try await stage.gateway.start()
            #expect(try await command.exit() == 0, "\(command.text)")
            #expect(FileManager.default.fileExists(atPath: stage.directory.file("report.csv")))
        }
    }

    @Test(
        "stopped by Ctrl-C in mid-download of 50 MB from the mirror, the same command fetches the rest alone",
        .timeLimit(.minutes(9)))
    func resumesFromMirror() async throws {
        try await Stage.run(simulator: ["--file-size", "50MB"], settings: ["CAUSEWAY_LOG_LEVEL": "info"]) { stage in
            let id = try await stage.gateway.requestExport()
            let export = try await asking("a mirrored export", within: .seconds(60)) {
                let export = try await stage.gateway.get("/v1/exports/\(id)").json
                guard export["files"]?.array?.first?["mirrored"] == true else { return JSONValue?.none }
                return export
            }
            let size = try #require(export["files"]?.array?.first?["size"]?.integer)
            #expect(size > 49_000_000)
            let path = try HeldPath(to: stage.gateway.url, after: 8_000_000)
            defer { path.end() }
            let first = try command(stage, url: path.url)
            try await asking("some megabytes", within: .seconds(60)) { part(stage) > 2_000_000 ? () : nil }
            first.signal(SIGINT)
            #expect(try await first.exit() == 1, "\(first.text)")
            #expect(first.text.contains("goes on from here"))
            let kept = Int64(part(stage))
            #expect(kept > 2_000_000 && kept < size)
            path.release()
            let sent = path.sent

            let second = try command(stage, url: path.url)
            #expect(try await second.exit() == 0, "\(second.text)")
            #expect(second.text.contains("\"requests\":1"))
            let bytes = try #require(
                FileManager.default.contents(atPath: stage.directory.file("report.csv")))
            #expect(Digest.hex(SHA256.hash(data: bytes)) == export["files"]?.array?.first?["sha256"]?.string)
            // The rest, and some lines of HTTP.
            #expect(path.sent - sent < size - kept + 1_000_000)
            #expect(part(stage) == 0)
        }
    }

    private func command(_ stage: Stage, url: String? = nil) throws -> ChildProcess {
        try ChildProcess(
            ["export", "vrc_123456", "--output", "report.csv", "--json", "--max-age", "1h"],
            environment: ["CAUSEWAY_URL": url ?? stage.gateway.url, "CAUSEWAY_KEY": GatewayProcess.adminKey],
            in: stage.directory.path)
    }

    private func part(_ stage: Stage) -> Int {
        let file = stage.directory.file("report.csv.part")
        return (try? FileManager.default.attributesOfItem(atPath: file)[.size] as? Int) ?? 0
    }
}

/// A way to the gateway on which nothing more comes after so many bytes, until it is let go.
private final class HeldPath: Sendable {
    private struct State {
        var sent: Int64 = 0
        var isHeld = true
    }

    private final class Shared: Sendable {
        let state = Mutex(State())
        let released = DispatchSemaphore(value: 0)
    }

    private let shared: Shared
    private let proxy: LoopbackProxy

    init(to url: String, after limit: Int64) throws {
        let shared = Shared()
        self.shared = shared
        proxy = try LoopbackProxy(to: URL(string: url)?.port ?? 0) {
            { side, bytes in
                guard side == .server else { return .pass }
                let isHeld = shared.state.withLock { state in
                    state.sent += Int64(bytes.count)
                    return state.isHeld && state.sent > limit
                }
                if isHeld {
                    shared.released.wait()
                    shared.released.signal()
                }
                return .pass
            }
        }
    }

    var url: String { "http://127.0.0.1:\(proxy.port)" }
    /// Bytes that came from the gateway, over all connections.
    var sent: Int64 { shared.state.withLock(\.sent) }

    func release() {
        shared.state.withLock { $0.isHeld = false }
        shared.released.signal()
    }

    func end() {
        release()
        proxy.end()
    }
}
