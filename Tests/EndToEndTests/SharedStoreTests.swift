import CausewayCore
import Foundation
import Support
import Testing

@Suite("Gateways that share a database and a directory", .serialized)
struct SharedStoreTests {
    @Test("A request at either is the same export, and who waits at one is told of what the other has done")
    func coalescing() async throws {
        try await Pair.run(simulator: ["--hold"]) { pair in
            let ids = try await withThrowingTaskGroup(of: String.self) { group in
                for number in 0..<10 { group.addTask { try await pair.gateways[number % 2].requestExport() } }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(ids.count == 1)
            let id = try #require(ids.first)
            for gateway in pair.gateways { _ = try await gateway.export(id, "is queued") { $0["status"] == "queued" } }
            #expect(try await pair.gateways[1].get("/v1/exports/\(id)")["requests"] == 10)
            #expect(try await pair.simulator.exports(1).count == 1)
            async let one = pair.gateways[0].ended(id)
            async let other = pair.gateways[1].ended(id)
            try await pair.complete(id, pair.gateways[0])
            let (first, second) = try await (one, other)
            try #require(first["status"] == "success" && second["status"] == "success", "\(first.text) \(second.text)")
        }
    }

    @Test("The vendor has one registration for each public_url")
    func registrations() async throws {
        try await Pair.run { pair in
            let targets = try await asking("two registrations") {
                let state = try await pair.simulator.get("/simulator/state").json
                let found = (state["subscriptions"]?.array ?? []).compactMap { $0["target_url"]?.string }
                return found.count == 2 ? found : nil
            }
            for gateway in pair.gateways {
                #expect(targets.count { $0.hasPrefix(gateway.url + "/hooks/events/") } == 1)
            }
        }
    }

    @Test("A gateway with another directory, or without database_url in the shared one, does not start")
    func wrongDirectory() async throws {
        try await Pair.run { pair in
            let lost = try GatewayProcess(
                vendorURL: pair.simulator.url, settings: ["CAUSEWAY_DATABASE_URL": pair.cluster.url],
                dataDirectory: pair.directory.file("other"))
            defer { lost.end() }
            let child = try lost.launch()
            #expect(try await child.exit() == 1)
            #expect(child.text.contains("is not the data directory of this database"))
            let alone = try GatewayProcess(
                vendorURL: pair.simulator.url, settings: [:], dataDirectory: pair.directory.file("data"))
            defer { alone.end() }
            let second = try alone.launch()
            #expect(try await second.exit() == 1)
            #expect(second.text.contains("database_url is not set"))
        }
    }

    @Test("/readyz says no at once while the database is away, and yes when it is back")
    func readiness() async throws {
        try await Pair.run { pair in
            let gateway = pair.gateways[0]
            try await ready(gateway, 200)
            try await pair.cluster.stop(.immediate)
            try await ready(gateway, 503)
            #expect(try await gateway.get("/readyz").text.contains("The database has not answered since"))
            #expect(try await gateway.get("/readyz").status == 503)
            #expect(try await gateway.get("/healthz").status == 200)
            try await pair.cluster.start()
            try await ready(gateway, 200)
        }
    }

    private func ready(_ gateway: GatewayProcess, _ status: Int) async throws {
        _ = try await asking("/readyz with \(status)", within: patience * 2) {
            try await gateway.get("/readyz").status == status ? true : nil
        }
    }
}

@Suite("causeway migrate", .serialized)
struct MigrateTests {
    @Test("Ten at once on an empty PostgreSQL make each step once")
    func tenAtOnce() async throws {
        try await PostgresDatabase.with { database in
            let directory = try TemporaryDirectory()
            let environment = ["CAUSEWAY_DATABASE_URL": database.url, "CAUSEWAY_DATA_DIR": directory.file("data")]
            func migrate(_ more: String...) throws -> ChildProcess {
                try ChildProcess(["migrate"] + more, environment: environment, in: directory.path)
            }
            let plan = try migrate("--dry-run")
            #expect(try await plan.exit() == 0)
            #expect(plan.text.contains("5  Which data directory belongs to this database."))
            #expect(plan.text.contains("Nothing was changed."))
            let children = try (0..<10).map { _ in try migrate() }
            var made = 0
            for child in children {
                #expect(try await child.exit() == 0, "\(child.text)")
                made += child.text.firstMatch(of: /(\d+) steps? made/).flatMap { Int($0.1) } ?? 0
            }
            let count = try #require(plan.text.firstMatch(of: /(\d+) steps to be made/).flatMap { Int($0.1) })
            #expect(made == count)
            let again = try migrate()
            #expect(try await again.exit() == 0)
            #expect(again.text == "The schema is current.")
            #expect(!FileManager.default.fileExists(atPath: directory.file("data")))
        }
    }

    @Test("Ten gateways that start at once on nothing all serve")
    func tenGateways() async throws {
        try await PostgresDatabase.with { database in
            let directory = try TemporaryDirectory()
            let gateways = try (0..<10).map { _ in
                try GatewayProcess(
                    vendorURL: "http://127.0.0.1:9",
                    settings: [
                        "CAUSEWAY_DATABASE_URL": database.url, "CAUSEWAY_DATABASE_CONNECTIONS": "2",
                        "CAUSEWAY_VENDOR_REGISTER_WEBHOOK": "false",
                    ], dataDirectory: directory.file("data"))
            }
            defer { gateways.forEach { $0.end() } }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for gateway in gateways { group.addTask { try await gateway.start() } }
                try await group.waitForAll()
            }
            for gateway in gateways { #expect(try await gateway.get("/v1/exports").status == 200) }
        }
    }

    @Test("With SQLite a dry run makes no file, and nothing is done under a gateway that serves")
    func sqlite() async throws {
        try await Stage.run(startsGateway: false) { stage in
            let environment = ["CAUSEWAY_DATA_DIR": stage.gateway.dataDirectory]
            func migrate(_ more: String...) throws -> ChildProcess {
                try ChildProcess(["migrate"] + more, environment: environment, in: stage.directory.path)
            }
            let plan = try migrate("--dry-run")
            #expect(try await plan.exit() == 0)
            #expect(plan.text.contains("steps to be made. Nothing was changed."))
            #expect(!FileManager.default.fileExists(atPath: stage.gateway.dataDirectory))
            try await stage.gateway.start()
            let refused = try migrate()
            #expect(try await refused.exit() == 1)
            #expect(refused.text.contains("is in use by another gateway"))
            let current = try migrate("--dry-run")
            #expect(try await current.exit() == 0)
            #expect(current.text == "The schema is current.")
        }
    }
}
