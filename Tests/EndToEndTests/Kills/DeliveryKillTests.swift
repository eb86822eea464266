import CausewayCore
import Foundation
import Support
import Testing

@Suite("SIGKILL while many deliveries are under way", .serialized)
struct DeliveryKillTests {
    private static let (subscriptions, events, kills) = Soak.isOn ? (100, 100, 20) : (12, 25, 3)

    @Test(
        "Every event arrives at every subscription; only what was under way at a kill comes twice",
        .timeLimit(.minutes(30)))
    func everythingArrives() async throws {
        let simulator = [
            "--export-duration", "10ms", "--file-rows", "1", "--more-reports", "\(Self.events)",
            "--limit-per-member", "100000", "--requests-per-minute", "1000000",
        ]
        let settings = [
            "CAUSEWAY_MIRROR_ENABLED": "false", "CAUSEWAY_VENDOR_LIMITS_PER_MEMBER": "100000",
            "CAUSEWAY_VENDOR_REQUESTS_PER_MINUTE": "1000000", "CAUSEWAY_DELIVERIES_TIMEOUT": "60s",
            "CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s", "CAUSEWAY_LOG_LEVEL": "info",
        ]
        try await Stage.run(simulator: simulator, settings: settings) { stage in
            let gateway = stage.gateway
            let subscriptions = try await Self.each(Self.subscriptions) { number in
                try await stage.subscribe("subscriber-\(number)", events: ["export.completed"])
            }
            async let requested = Self.each(Self.events) { try await Self.request("vrc_\(200_001 + $0)", gateway) }
            var underWay: [DeliveryLedger.Entry: Int] = [:]
            for _ in 0..<Self.kills {
                // A moment of the gateway's own time, however fast it runs: so many lines into its log. It is gone
                // some lines later, so there must be far more of them; one with no more to say is killed as well.
                let most = Self.subscriptions * Self.events / (3 * Self.kills)
                try? await gateway.said(Int.random(in: 1...most), within: .seconds(10))
                try await gateway.kill()
                for entry in try await DeliveryLedger(of: gateway).underWay { underWay[entry, default: 0] += 1 }
                // Not waiting until it listens: the next kill may come before.
                _ = try gateway.launch()
            }
            let exports = Set(try await requested)
            #expect(exports.count == Self.events)

            for subscription in subscriptions {
                let endpoint = subscription.endpoint
                try await endpoint.requests.first("all events at \(endpoint.url)", within: patience * 10) {
                    Set($0.map(\.id)).count >= Self.events ? () : nil
                }
            }
            try await asking("the end of all deliveries") {
                let open = try await gateway.get("/v1/deliveries?state=pending&state=delivering&limit=1")
                return open.status == 200 && open.data.isEmpty ? () : nil
            }
            try await gateway.kill()
            let ledger = try await DeliveryLedger(of: gateway)
            #expect(ledger.states.count == Self.subscriptions * Self.events)
            #expect(Set(ledger.states.values) == ["delivered"])
            for subscription in subscriptions {
                let requests = subscription.endpoint.requests.value
                subscription.expect(events: ledger.events.intersection(requests.map(\.id)))
                #expect(Set(requests.map { $0.json["data"]?["id"]?.string }) == exports)
                for (event, times) in Dictionary(grouping: requests, by: \.id).mapValues(\.count) {
                    let entry = DeliveryLedger.Entry(subscription: subscription.id, event: event)
                    #expect(times <= 1 + underWay[entry, default: 0], "\(entry) came \(times) times")
                }
            }
        }
    }

    /// An export's id, once the gateway has taken it, whatever happens to it meanwhile.
    private static func request(_ report: String, _ gateway: GatewayProcess) async throws -> String {
        try await asking("an export of \(report)", within: patience * 10) {
            // With max_age the same one is answered, on its way or at its end.
            let answer = try await gateway.post("/v1/exports", ["report": .string(report), "max_age": 7200])
            return [200, 202].contains(answer.status) ? answer["id"]?.string : nil
        }
    }

    /// Does something often, eight at a time.
    private static func each<Result: Sendable>(
        _ count: Int, _ body: @escaping @Sendable (Int) async throws -> Result
    ) async throws -> [Result] {
        try await withThrowingTaskGroup(of: Result.self) { group in
            var results: [Result] = []
            for number in 0..<count {
                if number >= 8, let result = try await group.next() { results.append(result) }
                group.addTask { try await body(number) }
            }
            for try await result in group { results.append(result) }
            return results
        }
    }
}
