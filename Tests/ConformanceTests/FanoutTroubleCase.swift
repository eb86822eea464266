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
    /// What the engine does where an endpoint fails, has a rate, or wants an order.
    static let fanoutTrouble = StoreCase(name: "Fanout in trouble") { try await makeTrouble($0) }

    /// A step of a walk over a subscription's deliveries.
    private static func walk(_ engine: any StorageEngine, _ time: ManualTimeSource) async throws {
        let (queue, now) = (WorkQueue(), time.now())
        let handler = SubscriptionWalking(engine: engine, queue: queue, time: time).handler
        let items = try await engine.write { transaction throws in
            let walk = SubscriptionWalk(subscription: 1)
            try queue.enqueue(walk.draft(at: now), at: now, in: transaction)
            return try queue.claim(handler.kind, limit: 1, at: now, until: now + .seconds(60), in: transaction)
        }
        for item in items { _ = try await handler.work(item) }
    }

    private static func makeTrouble(_ engine: any StorageEngine) async throws {
        let time = ManualTimeSource(start)
        let subscriptions = SubscriptionOperations(engine: engine, time: time, egress: .publicOnly)
        func subscribe(_ members: [String: JSONValue]) async throws -> SubscriptionID {
            let body = JSONValue.object(["url": "https://example.com/", "max_in_flight": 4].merging(members) { $1 })
            return try await subscriptions.create(body) { _, _ in }.id
        }
        let failing = try await subscribe([:])
        let ordered = try await subscribe(["ordering": "export", "rate_per_second": 5])
        // Their endpoints have long been answering.
        _ = try await engine.write { try $0.execute("UPDATE delivery_lane SET pace = 0 WHERE subscription_number > 0") }
        let dispatcher = EventMatching.dispatcher(engine: engine, time: time, logger: Logger(label: "test"))
        func publish(_ numbers: ClosedRange<Int>) async throws {
            try await engine.write { [now = time.now()] transaction throws in
                for number in numbers {
                    try EventLog().append(
                        EventDraft(
                            type: "export.completed", resource: "exp_\(number % 3)", occurrence: "\(number)",
                            timestamp: now, attributes: ["source": "api", "report": "vrc_1"], data: [:]),
                        in: transaction)
                }
            }
            try await dispatcher.dispatchOnce()
        }
        let queue = DeliveryQueue(laneLimit: 500)
        let recorder = AttemptRecorder(
            schedule: RetrySchedule(Array(repeating: .seconds(5), count: 20)),
            watch: SubscriptionWatch(
                rule: DisablingRule(after: .seconds(40)), probeInterval: .seconds(60), enablesAgain: true))

        /// One round; returns what was claimed and what became of the subscriptions.
        func round(_ status: Int) async throws -> (claimed: Int, changes: [SubscriptionChange]) {
            try await engine.write { [now = time.now()] transaction throws in
                let claimed = try queue.claim(
                    DeliveryPlaces.Room(answering: 100, trying: 100, failing: 100, slow: 100), at: now,
                    until: now + .seconds(15),
                    in: transaction
                ).deliveries
                let reports = claimed.map { delivery in
                    AttemptReport(
                        delivery: delivery, startedAt: now, duration: .milliseconds(5), remoteAddress: nil,
                        outcome: .answered(status: status, body: [], retryAfter: nil))
                }
                let changes = try recorder.record(reports, at: now, in: transaction).changes
                try EventLog().append(changes.map(\.event), in: transaction)
                return (claimed.count, changes)
            }
        }

        try await publish(1...6)
        // Four of the one; of the other the rate lets one go.
        #expect(try await round(500).claimed == 5)
        let waiting = try await DeliveryOperations(engine: engine).list(
            DeliveryFilter(subscriptions: [ordered]), PageRequest())
        #expect(waiting.elements.count { $0.waitsFor != nil } == 3)
        var changes: [SubscriptionChange] = []
        while !changes.contains(where: { $0.kind == .disabled }) {
            time.advance(by: .seconds(7))
            changes += try await round(500).changes
        }
        #expect(changes.contains { $0.kind == .failing })
        #expect(try await subscriptions.subscription(failing).disabledReason == .failures)
        let standing = try await engine.read { try SubscriptionStanding(in: $0) }
        #expect(standing.counts.first { $0.trouble == "failures" }.map { $0.count > 0 } == true)

        // Tried with what is held, it answers, and is enabled.
        time.advance(by: .seconds(80))
        changes = try await round(200).changes
        #expect(changes.contains { $0.kind == .answers && $0.subscription.enabled })
        #expect(try await subscriptions.subscription(failing).enabled)

        for members in [["ordering": "none"], ["ordering": "subscription", "url": "https://example.net/"]]
            as [JSONValue]
        {
            _ = try await subscriptions.update(ordered, members) { _, _ in }
        }
        let open = try await DeliveryOperations(engine: engine).list(
            DeliveryFilter(subscriptions: [ordered], states: [.pending]), PageRequest())
        for delivery in open.elements {
            _ = try await Redelivery(engine: engine, queue: WorkQueue(), time: time).retry(delivery.id) { _, _ in }
        }
        _ = try await subscriptions.update(failing, ["enabled": false]) { _, _ in }
        try await walk(engine, time)
        time.advance(by: .seconds(70))
        let expired = try await engine.write { transaction throws in
            try HeldDeliveries(keptFor: .seconds(60)).expire(at: time.now(), limit: 2, in: transaction)
        }
        #expect(expired == 2)
    }
}
