import CausewayCore
import Testing

@Suite("SIGKILL at any step of an export, then a start on the same data", .serialized)
struct KillTests {
    enum Step: String, CaseIterable, CustomTestStringConvertible {
        case accepted = "right after it was accepted"
        case notTaken = "while the vendor does not take it"
        case triggerOutstanding = "while the trigger's answer is outstanding"
        case triggerLost = "after the trigger's answer was lost"
        case queued = "once it is queued at the vendor"
        case endedMeanwhile = "while queued, and it ends while the gateway is down"
        case hinted = "after a webhook, before the vendor was asked"
        case ended = "right after its end was learnt"
        case delivering = "while deliveries are under way"
        case betweenAttempts = "between two attempts of a delivery"

        var testDescription: String { rawValue }

        var settings: [String: String] {
            switch self {
            case .accepted: ["CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s"]
            // Nothing but the webhook makes it ask.
            case .hinted: ["CAUSEWAY_POLLING_FAST": "1h", "CAUSEWAY_POLLING_SLOW": "1h"]
            case .betweenAttempts: ["CAUSEWAY_DELIVERIES_RETRY_SCHEDULE": "2s,1s"]
            default: [:]
            }
        }

        var answers: [Subscriber.Answer] {
            switch self {
            case .delivering: [.silence]
            case .betweenAttempts: [.status(500)]
            default: []
            }
        }
    }

    @Test(
        "The vendor makes one export, and each subscriber is told of it under one id", .timeLimit(.minutes(9)),
        arguments: Step.allCases)
    func goesOn(killed step: Step) async throws {
        try await Stage.run(simulator: ["--hold"], settings: step.settings) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let subscriptions = [
                try await stage.subscribe("one", answers: step.answers),
                try await stage.subscribe("other", answers: step.answers),
            ]
            let id = try await reach(step, stage, subscriptions)
            try await gateway.kill()
            try await simulator.clearFaults()
            if step == .endedMeanwhile { try await simulator.complete(try await simulator.exports(1)[0]) }
            try await gateway.start()
            let status = try await end(id, step, stage)

            // Once a later event has arrived, no further one is to come of the first.
            let before = try await simulator.exports(0).count
            #expect(before == (status == "success" ? 1 : 0))
            let later = try await gateway.requestExport("vrc_123457")
            try await simulator.complete(try await simulator.exports(before + 1)[before])
            #expect(try await gateway.ended(later)["status"] == "success")
            for subscription in subscriptions {
                let events = try await subscription.endpoint.events(2)
                subscription.expect(events: events)
                let told = Set(subscription.endpoint.requests.value.map { $0.json["data"]?["id"]?.string })
                #expect(told == [id, later])
                #expect(try await stage.deliveries(of: subscription).count == 2)
            }
            #expect(
                Set(subscriptions[0].endpoint.requests.value.map(\.id))
                    == Set(subscriptions[1].endpoint.requests.value.map(\.id)))
        }
    }

    /// Brings an export to the step; returns its id.
    private func reach(
        _ step: Step, _ stage: Stage, _ subscriptions: [Stage.Subscription]
    ) async throws -> String {
        let (gateway, simulator) = (stage.gateway, stage.simulator)
        switch step {
        case .accepted: break
        case .notTaken:
            try await simulator.set([
                "kind": "rate_limited", "route": "trigger", "message": "Too many requests", "retry_after": 1,
            ])
        case .triggerOutstanding:
            try await simulator.set(["kind": "delay", "route": "trigger", "delay": "60s", "count": 1])
        case .triggerLost: try await simulator.set(["kind": "drop_answer", "route": "trigger", "count": 1])
        case .hinted: try await simulator.set(["kind": "delay", "route": "export", "delay": "60s", "count": 1])
        case .queued, .endedMeanwhile, .ended, .delivering, .betweenAttempts: break
        }
        let id = try await gateway.requestExport()
        switch step {
        case .accepted: return id
        case .notTaken:
            _ = try await gateway.export(id, "waits for its next try") { $0["error"]?["code"] == "vendor_busy" }
            return id
        case .triggerOutstanding:
            _ = try await simulator.exports(1)
            return id
        case .triggerLost:
            try await gateway.logged(
                "a trigger's outcome is not known: waiting for a webhook", ["export": id])
            return id
        default: _ = try await gateway.export(id, "is queued") { $0["status"] == "queued" }
        }
        if step == .queued || step == .endedMeanwhile { return id }
        try await simulator.complete(try await simulator.exports(1)[0])
        switch step {
        case .hinted:
            _ = try await simulator.webhooks(delivered: 2)
            try await simulator.requests("export", 1)
        case .ended: _ = try await gateway.ended(id)
        case .delivering:
            for subscription in subscriptions { _ = try await subscription.endpoint.received(1) }
        case .betweenAttempts:
            for subscription in subscriptions {
                try await gateway.logged("delivery attempt", ["subscription": subscription.id, "state": "pending"])
            }
        default: break
        }
        return id
    }

    /// How it ends after the start.
    private func end(_ id: String, _ step: Step, _ stage: Stage) async throws -> JSONValue {
        let (gateway, simulator) = (stage.gateway, stage.simulator)
        switch step {
        // Where the kill fell between writing *about to send* down and sending, it is sent once more.
        case .accepted, .notTaken, .triggerOutstanding, .triggerLost, .queued:
            try await simulator.complete(try await simulator.exports(1)[0])
        default: break
        }
        let export = try await gateway.ended(id)
        #expect(export["status"] == "success")
        return export["status"] ?? .null
    }
}
