import CausewayCore
import Foundation
import Support
import Testing

@Suite("Starting", .serialized)
struct StartTests {
    @Test("Settings with mistakes end the start with 2 and name each one", .timeLimit(.minutes(9)))
    func mistakes() async throws {
        let settings = [
            "CAUSEWAY_LISTEN": "nowhere", "CAUSEWAY_VENDOR_SECRET_KEY": "", "CAUSEWAY_POLLING_FAST": "soon",
            "CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": "10.0.0.0/99", "CAUSEWAY_ADMINKEY": "typo",
        ]
        try await Stage.run(settings: settings, startsGateway: false) { stage in
            let directory = URL(filePath: stage.gateway.dataDirectory).deletingLastPathComponent()
            try Data("imports:\n  chunk_rows: many\n".utf8).write(to: directory.appending(path: "causeway.yaml"))
            let child = try stage.gateway.launch()
            #expect(try await child.exit() == 2)
            for name in settings.keys where name != "CAUSEWAY_ADMINKEY" {
                #expect(child.text.contains(name), "\(name) is not named in \(child.text)")
            }
            #expect(child.text.contains("CAUSEWAY_ADMIN_KEY"))
            #expect(child.text.contains("causeway.yaml line 2"))
            #expect(child.text.contains("6 mistakes"))
            #expect(!FileManager.default.fileExists(atPath: stage.gateway.dataDirectory))
        }
    }

    @Test("A second gateway on the same data directory does not start", .timeLimit(.minutes(9)))
    func secondGateway() async throws {
        try await Stage.run { stage in
            let second = try GatewayProcess(
                vendorURL: stage.simulator.url, settings: [:], dataDirectory: stage.gateway.dataDirectory)
            defer { second.end() }
            let child = try second.launch()
            #expect(try await child.exit() == 1)
            #expect(child.text.contains("is in use by another gateway"))
            #expect(try await stage.gateway.get("/readyz").status == 200)
            // A dead one's lock goes with it.
            try await stage.gateway.kill()
            try await second.start()
            #expect(try await second.stop() == 0)
        }
    }

    @Test("A port that is taken ends the start with 1", .timeLimit(.minutes(9)))
    func takenPort() async throws {
        try await Stage.run { stage in
            let second = try GatewayProcess(
                vendorURL: stage.simulator.url,
                settings: ["CAUSEWAY_LISTEN": String(stage.gateway.url.dropFirst("http://".count))],
                dataDirectory: stage.directory.file("second"))
            defer { second.end() }
            let child = try second.launch()
            #expect(try await child.exit() == 1)
        }
    }

    @Test("SIGTERM ends with 0 though somebody waits for an export, who is told how it stands", .timeLimit(.minutes(9)))
    func cleanStop() async throws {
        try await Stage.run(simulator: ["--hold"]) { stage in
            let id = try await stage.gateway.requestExport()
            _ = try await stage.gateway.export(id, "is queued") { $0["status"] == "queued" }
            async let waiting = stage.gateway.get("/v1/exports/\(id)?wait=60")
            // Its process is started before this one's, so mostly it is there first.
            _ = try await stage.gateway.get("/healthz")
            #expect(try await stage.gateway.stop() == 0)
            let answer = try await waiting
            // Where the stop overtook the request itself, there is no answer (curl's 7, 52 or 56).
            #expect(answer.status == 200 || [7, 52, 56].contains(answer.exit), "\(answer.exit) \(answer.trace)")
            if answer.status == 200 { #expect(answer["status"] == "queued") }
        }
    }

    @Test("SIGTERM ends with 0 though somebody waits for an import", .timeLimit(.minutes(9)))
    func cleanStopOfImport() async throws {
        try await Stage.run { stage in
            try await stage.simulator.set([
                "kind": "rate_limited", "message": "Too many requests", "retry_after": 600, "route": "import.customers",
            ])
            let path = stage.gateway.dataDirectory + "/customers.csv"
            try Data("email\na@example.com\n".utf8).write(to: URL(filePath: path))
            let taken = try await stage.gateway.curl(["-T", path], "/v1/imports/customers")
            let id = try #require(taken["id"]?.string)
            async let waiting = stage.gateway.get("/v1/imports/\(id)?wait=60")
            _ = try await stage.gateway.get("/healthz")
            #expect(try await stage.gateway.stop() == 0)
            let answer = try await waiting
            #expect(answer.status == 200 || [7, 52, 56].contains(answer.exit), "\(answer.exit) \(answer.trace)")
            if answer.status == 200 { #expect(answer["state"] == "forwarding") }
        }
    }
}
