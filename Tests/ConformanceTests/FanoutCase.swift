import CausewayCore
import Events
import Logging
import OutboundHTTP
import Storage
import Support
import Testing

@testable import Fanout
@testable import WorkQueue

extension StoreCase {
    static let fanout = StoreCase(name: "Fanout") { engine async throws in
        let time = ManualTimeSource(start)
        let subscriptions = SubscriptionOperations(engine: engine, time: time, egress: .publicOnly)
        let ids = try await [1, 2, 3].asyncMap { number in
            try await subscriptions.create([
                "url": .string("https://example.com/\(number)"), "max_in_flight": number == 3 ? 1 : 10,
                "filter": number == 1 ? ["source": ["api", "in_app"]] : nil,
            ]) { _, _ in }.id
        }
        try await engine.write { transaction throws in
            // Their endpoints have long been answering.
            try transaction.execute("UPDATE delivery_lane SET pace = 0 WHERE subscription_number > 0")
            for number in 1...6 {
                try EventLog().append(
                    EventDraft(
                        type: "export.completed", resource: "exp_\(number)", timestamp: start,
                        attributes: ["source": "api", "report": "vrc_1"], data: [:]), in: transaction)
            }
        }
        let dispatcher = EventMatching.dispatcher(engine: engine, time: time, logger: Logger(label: "test"))
        #expect(try await dispatcher.dispatchOnce() == 6)

        let queue = DeliveryQueue(laneLimit: 500)
        let room = DeliveryPlaces.Room(answering: 100, trying: 100, failing: 100, slow: 100)
        let watch = SubscriptionWatch(
            rule: DisablingRule(after: .seconds(10)), probeInterval: .seconds(60), enablesAgain: true)
        let recorder = AttemptRecorder(schedule: RetrySchedule([.seconds(5)]), watch: watch)
        let claimed = try await engine.write { transaction throws in
            try queue.claim(room, at: start, until: start + .seconds(60), in: transaction).deliveries
        }
        #expect(claimed.count == 13)
        let outcomes: [AttemptReport.Outcome] = [
            .answered(status: 200, body: Array("ü".utf8), retryAfter: nil), .unanswered(.reset, detail: "reset"),
            .abandoned(reason: "stop"), .answered(status: 503, body: [], retryAfter: .seconds(60)),
            .answered(status: 410, body: [], retryAfter: nil),
        ]
        try await engine.write { transaction throws in
            #expect(try queue.extend(claimed, until: start + .seconds(70), in: transaction).count == 13)
            let reports = claimed.enumerated().map { index, delivery in
                AttemptReport(
                    delivery: delivery, startedAt: start, duration: .milliseconds(5), remoteAddress: "127.0.0.1",
                    outcome: outcomes[index % outcomes.count])
            }
            let recorded = try recorder.record(reports, at: start, in: transaction).attempts
            #expect(recorded.count == 13)
            // The second report of the same attempt changes nothing.
            let again = try recorder.record([reports[0]], at: start, in: transaction).attempts
            #expect(again.allSatisfy { $0.state == nil })
            let none = try queue.claim(room, at: start, until: start + .seconds(60), in: transaction)
            #expect(none.deliveries.allSatisfy { $0.subscription.id == ids[2] })
            _ = try queue.releaseAbandoned(at: start, in: transaction)
        }

        let later = start + .seconds(30)
        let standing = try await engine.read { try DeliveryStanding(at: later, in: $0) }
        let undelivered = standing.counts.reduce(0) { $0 + $1.count }
        #expect(undelivered == 15)
        // Only where one process owns the database is what was under way due at once.
        #expect(standing.oldestDue <= .seconds(30))

        let deliveries = DeliveryOperations(engine: engine)
        let all = try await deliveries.list(DeliveryFilter(), PageRequest(limit: 100)).elements
        #expect(all.count == 18)
        for filter in [
            DeliveryFilter(states: [.failed, .held]), DeliveryFilter(states: [.pending]),
            DeliveryFilter(subscriptions: ids), DeliveryFilter(subscriptions: [ids[0]]),
            DeliveryFilter(events: [claimed[0].event.id]),
        ] {
            #expect(try await !deliveries.list(filter, PageRequest()).elements.isEmpty)
        }
        let first = try #require(all.last)
        #expect(try await deliveries.delivery(first.id).attempts.map(\.responseBody) == ["ü"])

        for enabled in [false, true] {
            let changed = try await subscriptions.update(ids[0], ["enabled": .bool(enabled), "max_in_flight": 3]) {
                _, _ in
            }
            #expect(changed.enabled == enabled)
        }
        #expect(try await subscriptions.list(PageRequest()).elements.map(\.id) == ids.reversed())
        try await replays(engine, time, ids[1], first.event)
        let key = try #require(SecretVault.Key(parsing: String(repeating: "ab", count: 32)))
        let sealing = SecretSealing(engine: engine, vault: SecretVault(current: key), logger: Logger(label: "test"))
        try await sealing.bringUp()
        try await sealing.check()
        #expect(try await subscriptions.subscription(ids[1]).isSealed)
        #expect(try await subscriptions.subscription(ids[1]).id == ids[1])
        try await subscriptions.delete(ids[0]) { _, _ in }
        await #expect(throws: FanoutError.self) { try await subscriptions.subscription(ids[0]) }

        // What has still to be read is kept, whatever its age.
        while try await dispatcher.dispatchOnce() > 0 {}
        time.advance(by: .seconds(100 * 86_400))
        let retention = DeliveryRetention(
            engine: engine, time: time, deliveries: .seconds(86_400),
            events: .seconds(86_400))
        try await engine.write { transaction in
            _ = try transaction.execute(
                "UPDATE delivery SET state = 'delivered', visible_at = NULL, ended_at = \(start) WHERE number > 0")
        }
        try await retention.tidy()
        #expect(try await deliveries.list(DeliveryFilter(), PageRequest()).elements.isEmpty)
    }

    private static func replays(
        _ engine: any StorageEngine, _ time: ManualTimeSource, _ subscription: SubscriptionID, _ event: EventID
    ) async throws {
        let queue = WorkQueue()
        let redelivery = Redelivery(engine: engine, queue: queue, time: time)
        let wish = ReplayRequest(since: start, until: start + .seconds(1), selection: .all)
        _ = try await redelivery.replay(subscription, wish) { _, _ in }
        _ = try await redelivery.replay(event, to: nil) { _, _ in }
        #expect(try await redelivery.replay(event, to: subscription) { _, _ in } <= 1)
        let items = try await engine.write { transaction in
            try queue.claim(
                redelivery.handler.kind, limit: 10, at: start, until: start + .seconds(60), in: transaction)
        }
        for item in items { _ = try await redelivery.handler.work(item) }
        let pending = DeliveryFilter(subscriptions: [subscription], states: [.pending, .failed])
        let deliveries = DeliveryOperations(engine: engine)
        for delivery in try await deliveries.list(pending, PageRequest()).elements.prefix(1) {
            _ = try await redelivery.retry(delivery.id) { _, _ in }
        }
        // Nobody listens there.
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8"]))
        let operations = SubscriptionOperations(engine: engine, time: time, egress: egress)
        let deaf = try await operations.create(["url": "http://127.0.0.1:9/"]) { _, _ in }.id
        let loop = CurlMultiLoop(logger: Logger(label: "test"))
        try loop.start()
        let test = TestDelivery(
            engine: engine, client: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "t")), time: time,
            settings: .init(egress: egress, userAgent: "t"))
        #expect(try await test.send(deaf) { _, _ in }.attempts.map(\.error) == [.connect])
        try await operations.delete(deaf) { _, _ in }
        await loop.stop()
    }
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}
