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
        try await Stage.run(simulator: Self.simulator, settings: Self.settings) { stage in
            try await Self.run([stage.gateway], subscribe: { try await stage.subscribe($0, events: $1) }) {
                try await DeliveryLedger(of: stage.gateway)
            }
        }
    }

    @Test(
        "The same with two gateways on one PostgreSQL, either of which is killed", .timeLimit(.minutes(30)), .soak)
    func everythingArrivesFromTwo() async throws {
        try await Pair.run(simulator: Self.simulator, settings: Self.settings) { pair in
            try await Self.run(pair.gateways, subscribe: { try await pair.subscribe($0, events: $1) }) {
                try await DeliveryLedger(of: pair.cluster)
            }
        }
    }

    private static let simulator = [
        "--export-duration", "10ms", "--file-rows", "1", "--more-reports", "\(events)",
        "--limit-per-member", "100000", "--requests-per-minute", "1000000",
    ]
    private static let settings = [
        "CAUSEWAY_MIRROR_ENABLED": "false", "CAUSEWAY_VENDOR_LIMITS_PER_MEMBER": "100000",
        "CAUSEWAY_VENDOR_REQUESTS_PER_MINUTE": "1000000", "CAUSEWAY_DELIVERIES_TIMEOUT": "60s",
        "CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s", "CAUSEWAY_LOG_LEVEL": "info",
    ]

    /// - Parameter ledger: read while the gateway that was killed last does not run.
    private static func run(
        _ gateways: [GatewayProcess],
        subscribe: @escaping @Sendable (String, [String]) async throws -> Stage.Subscription,
        ledger: () async throws -> DeliveryLedger
    ) async throws {
        let subscriptions = try await each(subscriptions) { number in
            try await subscribe("subscriber-\(number)", ["export.completed"])
        }
        async let requested = each(events) { try await request("vrc_\(200_001 + $0)", gateways[$0 % gateways.count]) }
        var underWay: [DeliveryLedger.Entry: Int] = [:]
        for _ in 0..<kills {
            let gateway = gateways[Int.random(in: gateways.indices)]
            // A moment of the gateway's own time, however fast it runs: so many lines into its log. It is gone
            // some lines later, so there must be far more of them; one with no more to say is killed as well.
            let most = subscriptions.count * events / (3 * kills)
            try? await gateway.said(Int.random(in: 1...most), within: .seconds(10))
            try await gateway.kill()
            for entry in try await ledger().underWay { underWay[entry, default: 0] += 1 }
            // Not waiting until it listens: the next kill may come before.
            _ = try gateway.launch()
        }
        let exports = Set(try await requested)
        #expect(exports.count == events)

        for subscription in subscriptions {
            let endpoint = subscription.endpoint
            try await endpoint.requests.first("all events at \(endpoint.url)", within: patience * 10) {
                Set($0.map(\.id)).count >= events ? () : nil
            }
        }
        try await asking("the end of all deliveries") {
            let open = try await gateways[0].get("/v1/deliveries?state=pending&state=delivering&limit=1")
            return open.status == 200 && open.data.isEmpty ? () : nil
        }
        for gateway in gateways { try await gateway.kill() }
        let end = try await ledger()
        #expect(end.states.count == subscriptions.count * events)
        #expect(Set(end.states.values) == ["delivered"])
        for subscription in subscriptions {
            let requests = subscription.endpoint.requests.value
            subscription.expect(events: end.events.intersection(requests.map(\.id)))
            #expect(Set(requests.map { $0.json["data"]?["id"]?.string }) == exports)
            for (event, times) in Dictionary(grouping: requests, by: \.id).mapValues(\.count) {
                let entry = DeliveryLedger.Entry(subscription: subscription.id, event: event)
                #expect(times <= 1 + underWay[entry, default: 0], "\(entry) came \(times) times")
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
