import CausewayCore
import Support
import Testing

@Suite("SIGKILL at any step of an import, then a start on the same data", .serialized)
struct ImportKillTests {
    private static let events = ["import.completed", "import.failed", "import.needs_attention"]

    @Test(
        "No row is at the vendor twice and none is lost; where nobody knows, the import says so",
        .timeLimit(.minutes(9)), arguments: Soak.isOn ? ImportKillPoint.allCases : ImportKillPoint.short)
    func goesOn(killed point: ImportKillPoint) async throws {
        let gate = point.gate
        defer { gate?.end() }
        try await Stage.run(settings: point.settings, onTheWay: gate?.filter) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let subscription = try await stage.subscribe("team", events: Self.events)
            let path = stage.directory.file("rewards.csv")
            let file = point.file
            try file.write(to: path)
            let scene = ImportKillScene(gateway: gateway, simulator: simulator, path: path, gate: gate)
            var id = try await scene.kill(at: point)
            gate?.end()
            try await simulator.clearFaults()
            try await gateway.start()
            if id == nil {
                // Nobody was told of an import: there is none, and the same file is no duplicate.
                #expect(try await gateway.get("/v1/imports").data.isEmpty)
                #expect(scene.files.isEmpty)
                id = try await scene.upload()
            }
            let proof = ImportProof(gateway: gateway, simulator: simulator, subscription: subscription, file: file)
            try await proof.check(
                id ?? "", state: point == .cancelling ? "cancelled" : "completed",
                asked: point == .resolved ? 1 : 0)
        }
    }

    @Test("Kills at any moments change nothing either", .timeLimit(.minutes(9)), arguments: 1...(Soak.isOn ? 10 : 1))
    func anyMoments(_ round: Int) async throws {
        try await Stage.run(settings: ["CAUSEWAY_IMPORTS_CHUNK_ROWS": "1"]) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let subscription = try await stage.subscribe("team", events: Self.events)
            let path = stage.directory.file("rewards.csv")
            let file = RewardsFile(rows: 60, bodySize: 20)
            try file.write(to: path)
            // Now and then an answer is lost besides.
            try await simulator.set(["kind": "drop_answer", "route": "import", "skip": 20, "count": 1])
            let scene = ImportKillScene(gateway: gateway, simulator: simulator, path: path)
            let id = try await scene.upload()
            for _ in 0..<3 {
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...500)))
                try await gateway.kill()
                try await gateway.start()
            }
            let proof = ImportProof(gateway: gateway, simulator: simulator, subscription: subscription, file: file)
            try await proof.check(id)
        }
    }
}
