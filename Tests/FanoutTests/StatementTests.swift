import CausewayCore
import Events
import Storage
import Support
import Testing

@testable import Fanout

@Suite("Statements of the loops", .onEveryEngine)
struct StatementTests {
    private let queue = DeliveryQueue(laneLimit: 500)

    /// Runs a batch of events through matching, claiming and recording, and returns what was said to the store.
    private func run(
        events count: Int, subscriptions: Int, room: Int = 1000
    ) async throws -> RecordedStatements {
        let house = try await FanoutHouse()
        for number in 0..<subscriptions {
            _ = try await house.subscribe([
                "url": "http://127.0.0.1:9/", "max_in_flight": 500,
                "filter": number % 2 == 0 ? ["source": ["api", "in_app"]] : nil,
            ])
        }
        let engine = RecordingEngine(house.storage)
        let now = house.time.now()
        let events = try await house.storage.write { transaction in
            for number in 0..<count {
                try EventLog().append(
                    EventDraft(
                        type: "export.completed", resource: "exp_\(number)", timestamp: now,
                        attributes: ["report": "vrc_1", "source": "api"], data: [:]), in: transaction)
            }
            return try EventLog().events(after: 0, limit: 1000, in: transaction)
        }
        try await engine.write { [queue] transaction in
            let added = try EventMatching().consumeAll(events, at: now, in: transaction)
            #expect(added == count * subscriptions)
            let claimed = try queue.claim(
                DeliveryPlaces.Room(answering: room, trying: 0, failing: 0, slow: 0), at: now,
                until: now + .seconds(60), in: transaction
            ).deliveries
            _ = try queue.extend(claimed, until: now + .seconds(70), in: transaction)
            #expect(claimed.count == min(room, count * subscriptions))
            let recorder = AttemptRecorder(schedule: RetrySchedule([.seconds(5)]), watch: .patient)
            let reports = claimed.enumerated().map { index, delivery in
                AttemptReport(
                    delivery: delivery, startedAt: now, duration: .milliseconds(5), remoteAddress: "127.0.0.1",
                    outcome: index % 3 == 0
                        ? .unanswered(.reset, detail: "reset") : .answered(status: 200, body: [], retryAfter: nil))
            }
            _ = try recorder.record(reports, at: now, in: transaction)
            _ = try queue.releaseAbandoned(at: now, in: transaction)
            let store = DeliveryStore()
            for filter in [
                DeliveryFilter(), DeliveryFilter(states: [.failed]),
                DeliveryFilter(subscriptions: [claimed[0].subscription.id]),
                DeliveryFilter(events: [claimed[0].event.id]),
            ] {
                _ = try store.page(filter, PageRequest(), in: transaction)
            }
        }
        return engine.statements
    }

    @Test("are as many for one delivery as for some hundreds, which share a transaction")
    func count() async throws {
        let one = try await run(events: 1, subscriptions: 1).count
        #expect(try await run(events: 100, subscriptions: 10).count <= one + 14)
        #expect(one <= 25)
    }

    /// SQLite has tables gone through as a whole from some hundred rows of a batch on, where it is free to.
    @Test("find what a batch of some hundreds is about by index, and go through nothing else", .only(on: .sqlite))
    func plans() async throws {
        let statements = try await run(events: 60, subscriptions: 10, room: 512)
        let engine = RecordingEngine(try await FanoutHouse().storage, statements)
        let (lanes, now) = (Array(1...Int64(512)), Timestamp(milliseconds: 1_700_000_000_000))
        try await engine.write { [queue] transaction in
            let health = Dictionary(uniqueKeysWithValues: lanes.map { ($0, LaneHealth(pace: 1)) })
            try queue.lanes.write(health, in: transaction)
            try queue.lanes.write(lanes.map { ($0, RateLimit(perSecond: 1, next: 0)) }, in: transaction)
            try queue.lanes.moveOn(lanes, at: now, in: transaction)
            let lines = Set(lanes.map { DeliveryOrder.Line(subscription: $0, key: "") })
            try DeliveryOrder().rejoin(lines, at: now, in: transaction)
            try DeliveryOrder().fallBack(lanes, in: transaction)
        }
        #expect(statements.all.contains { $0.text.contains("?4608") })
        for (text, plan) in statements.all where !text.hasPrefix("SELECT COUNT") {
            let flaws = plan.flaws.filter { flaw in
                switch flaw {
                case .reads(let table): Self.tables.contains(table)
                case .walks(let index): index != "delivery_leased" && !text.contains("LIMIT")
                case .sorts: false
                }
            }
            #expect(flaws.isEmpty, "\(text.suffix(600))\n\(plan.lines.joined(separator: "\n"))")
        }
    }

    private static let tables = [
        "delivery", "delivery_attempt", "delivery_lane", "event_log", "subscription", "subscription_topic",
        "subscription_filter",
    ]
}
