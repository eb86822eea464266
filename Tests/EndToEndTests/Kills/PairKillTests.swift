import CausewayCore
import Support
import Testing

@Suite("SIGKILL of one of two gateways on one PostgreSQL", .serialized, .soak)
struct PairKillTests {
    private static let events = ["export.completed", "export.failed", "export.expired", "export.mirrored"]

    @Test(
        "The other takes over what the first had in its hands", .timeLimit(.minutes(9)),
        arguments: [KillPoint.triggerOutstanding, .hinted, .halfFile, .firstMirrored, .delivering])
    func takenOver(at point: KillPoint) async throws {
        try await Pair.run(simulator: KillPoint.simulator, settings: point.settings) { pair in
            let (first, other) = (pair.gateways[0], pair.gateways[1])
            let subscription = try await pair.subscribe("team", events: Self.events, answers: point.answers)
            // All that follows is the first's to do.
            other.freeze()
            let id = try await KillScene(gateway: first, simulator: pair.simulator, subscriptions: [subscription])
                .kill(at: point)
            other.thaw()
            try await pair.simulator.clearFaults()
            if point.isBeforeEnd { try await pair.simulator.complete(try await pair.simulator.exports(1)[0]) }
            let proof = ExportProof(gateway: other, simulator: pair.simulator, subscriptions: [subscription])
            try await proof.check(id, within: .seconds(120))
            try await proof.checkNothingFollows(id)
        }
    }

    @Test(
        "The other goes on with an import, or says that nobody knows", .timeLimit(.minutes(9)),
        arguments: [ImportKillPoint.notTaken, .inBody, .outstanding, .cancelling])
    func importTakenOver(at point: ImportKillPoint) async throws {
        try await Pair.run(settings: point.settings) { pair in
            let (first, other) = (pair.gateways[0], pair.gateways[1])
            let subscription = try await pair.subscribe(
                "team", events: ["import.completed", "import.failed", "import.needs_attention"])
            let path = pair.directory.file("rewards.csv")
            try point.file.write(to: path)
            other.freeze()
            let id = try await ImportKillScene(gateway: first, simulator: pair.simulator, path: path).kill(at: point)
            other.thaw()
            try await pair.simulator.clearFaults()
            let proof = ImportProof(
                gateway: other, simulator: pair.simulator, subscription: subscription, file: point.file)
            try await proof.check(id ?? "", state: point == .cancelling ? "cancelled" : "completed")
        }
    }

    @Test("Either is killed at any moments, again and again", .timeLimit(.minutes(9)), arguments: 1...3)
    func anyMoments(_ round: Int) async throws {
        let settings = ["CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s"]
        let simulator = ["--export-duration", "1s", "--files", "2", "--file-size", "3MB"]
        try await Pair.run(simulator: simulator, settings: settings) { pair in
            let subscription = try await pair.subscribe("team", events: Self.events)
            var ids: [String] = []
            for (number, report) in ["vrc_123456", "vrc_123458", "vrc_123459", "vrc_123460"].enumerated() {
                ids.append(try await pair.gateways[number % 2].requestExport(report))
            }
            for _ in 0..<4 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...1500)))
                let gateway = pair.gateways[Int.random(in: 0...1)]
                try await gateway.kill()
                try await gateway.start()
            }
            let proof = ExportProof(
                gateway: pair.gateways[0], simulator: pair.simulator, subscriptions: [subscription])
            for id in ids { try await proof.check(id, within: .seconds(120)) }
            try await proof.checkNothingFollows(ids[0], Set(ids))
        }
    }
}
