import CausewayCore
import Testing

@Suite("SIGKILL at any step of an export, then a start on the same data", .serialized)
struct KillTests {
    private static let events = ["export.completed", "export.failed", "export.expired", "export.mirrored"]

    @Test(
        "The vendor makes one export, each event is told under one id, the files are the vendor's",
        .timeLimit(.minutes(9)), arguments: Soak.isOn ? KillPoint.allCases : KillPoint.short)
    func goesOn(killed point: KillPoint) async throws {
        let gate = point == .triggerHeld ? RequestGate(RequestGate.trigger) : nil
        defer { gate?.end() }
        try await Stage.run(simulator: KillPoint.simulator, settings: point.settings, onTheWay: gate?.filter) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let subscriptions = [
                try await stage.subscribe("one", events: Self.events, answers: point.answers),
                try await stage.subscribe("other", events: Self.events, answers: point.answers),
            ]
            let id = try await KillScene(
                gateway: gateway, simulator: simulator, subscriptions: subscriptions, gate: gate
            ).kill(at: point)
            gate?.end()
            try await simulator.clearFaults()
            if point == .endedMeanwhile { try await simulator.complete(try await simulator.exports(1)[0]) }
            try await gateway.start(without: ["CAUSEWAY_MIRROR_KEEP_FREE"])
            // Where the kill fell between writing *about to send* down and sending, it is sent once more.
            if point.isBeforeEnd, point != .endedMeanwhile {
                try await simulator.complete(try await simulator.exports(1)[0])
            }
            let proof = ExportProof(gateway: gateway, simulator: simulator, subscriptions: subscriptions)
            try await proof.check(id)
            try await proof.checkNothingFollows(id)
        }
    }

    @Test(
        "Three kills at any moments change nothing either", .timeLimit(.minutes(9)),
        arguments: 1...(Soak.isOn ? 20 : 1))
    func anyMoments(_ round: Int) async throws {
        let settings = ["CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s"]
        let simulator = ["--export-duration", "400ms", "--files", "2", "--file-size", "3MB"]
        try await Stage.run(simulator: simulator, settings: settings) { stage in
            let gateway = stage.gateway
            let subscriptions = [try await stage.subscribe("one", events: Self.events)]
            let id = try await gateway.requestExport()
            for _ in 0..<3 {
                // No point on the way is meant: that is the point.
                try await Task.sleep(for: .milliseconds(Int.random(in: 0...700)))
                try await gateway.kill()
                try await gateway.start()
            }
            let proof = ExportProof(gateway: gateway, simulator: stage.simulator, subscriptions: subscriptions)
            try await proof.check(id)
            try await proof.checkNothingFollows(id)
        }
    }
}
