import CausewayCore
import Events
import Storage
import Support
import Testing

@testable import Fanout

@Suite("Events find their subscriptions", .onEveryEngine)
struct EventMatchingTests {
    private let export = ["report": "vrc_1", "report_type": "customer_report", "source": "api"]

    private func subscribe(_ house: FanoutHouse, _ events: JSONValue, _ filter: JSONValue = nil) async throws
        -> SubscriptionID
    {
        try await house.subscribe(["url": "http://127.0.0.1:9/", "events": events, "filter": filter]).id
    }

    private func subscribers(_ house: FanoutHouse, of event: EventID) async throws -> Set<SubscriptionID> {
        Set(try await house.all(DeliveryFilter(events: [event])).map(\.subscription))
    }

    @Test("by type, and by every dimension of the filter")
    func byTypeAndFilter() async throws {
        let house = try await FanoutHouse()
        let all = try await subscribe(house, nil)
        let exports = try await subscribe(house, ["export.completed", "export.failed"])
        let imports = try await subscribe(house, ["import.completed"])
        let report = try await subscribe(house, nil, ["report": ["vrc_0", "vrc_1"]])
        let both = try await subscribe(
            house, ["export.completed"], ["report": ["vrc_1"], "source": ["api", "in_app"]])
        let otherSource = try await subscribe(house, nil, ["report": ["vrc_1"], "source": ["scheduled"]])
        let failures = try await subscribe(house, ["export.failed"], ["report": ["vrc_1"]])
        let leads = try await subscribe(house, nil, ["object": ["leads"]])

        let completed = try await house.publish(attributes: export)
        #expect(try await subscribers(house, of: completed) == [all, exports, report, both])
        let failed = try await house.publish("export.failed", attributes: export)
        #expect(try await subscribers(house, of: failed) == [all, exports, report, failures])
        let imported = try await house.publish("import.completed", "imp_1", attributes: ["object": "leads"])
        #expect(try await subscribers(house, of: imported) == [all, imports, leads])
        let scheduled = try await house.publish(
            "export.completed", "exp_2", attributes: ["report": "vrc_1", "source": "scheduled"])
        #expect(try await subscribers(house, of: scheduled) == [all, exports, report, otherSource])
    }

    @Test("only events published after the subscription was made")
    func onlyLater() async throws {
        let house = try await FanoutHouse()
        let draft = EventDraft(type: "export.completed", resource: "exp_0", timestamp: house.time.now(), data: [:])
        _ = try await house.storage.write { try EventLog().append(draft, in: $0) }
        let subscription = try await subscribe(house, nil)
        let later = try await house.publish()
        #expect(try await house.all().map(\.event) == [later])
        #expect(try await subscribers(house, of: later) == [subscription])
    }

    @Test("a batch of events goes to each in one statement, and never twice")
    func batch() async throws {
        let house = try await FanoutHouse()
        _ = try await subscribe(house, nil)
        _ = try await subscribe(house, nil, ["report": ["vrc_1"]])
        let export = export
        let now = house.time.now()
        let events = try await house.storage.write { transaction in
            for number in 0..<37 {
                try EventLog().append(
                    EventDraft(
                        type: "export.completed", resource: "exp_\(number)", timestamp: now,
                        attributes: number % 2 == 0 ? export : [:], data: [:]), in: transaction)
            }
            return try EventLog().events(after: 0, limit: 100, in: transaction)
        }
        let added = try await house.storage.write { transaction in
            [
                try EventMatching().consumeAll(events, at: now, in: transaction),
                try EventMatching().consumeAll(events, at: now, in: transaction),
            ]
        }
        #expect(added == [37 + 19, 0])
    }

    @Test("a disabled subscription's are held, and due once it is enabled; a deleted one gets none")
    func heldAndDeleted() async throws {
        let house = try await FanoutHouse()
        let id = try await subscribe(house, nil)
        let gone = try await subscribe(house, nil)
        let first = try await house.publish()
        _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
        try await house.subscriptions.delete(gone) { _, _ in }
        let second = try await house.publish("export.failed")
        #expect(try await house.all(DeliveryFilter(subscriptions: [id])).map(\.state) == [.held, .held])
        #expect(try await house.all(DeliveryFilter(subscriptions: [gone])).map(\.state) == [.cancelled])
        #expect(try await subscribers(house, of: second) == [id])
        _ = try await house.subscriptions.update(id, ["enabled": true]) { _, _ in }
        #expect(try await house.all(DeliveryFilter(subscriptions: [id])).map(\.state) == [.pending, .pending])
        #expect(try await subscribers(house, of: first) == [id, gone])
    }

    @Test(
        "where many want it, those whose turn can come at once are first, in transactions of their own; all get it once"
    )
    func parts() async throws {
        let house = try await FanoutHouse()
        for _ in 0..<260 { _ = try await subscribe(house, nil) }
        let now = house.time.now()
        let events = try await house.storage.write { transaction in
            try transaction.execute("UPDATE delivery_lane SET is_full = 1 WHERE subscription_number % 4 = 1")
            try transaction.execute("UPDATE delivery_lane SET pace = 1, failures = 3 WHERE subscription_number % 4 = 3")
            for number in 0..<2 {
                try EventLog().append(
                    EventDraft(type: "export.completed", resource: "exp_\(number)", timestamp: now, data: [:]),
                    in: transaction)
            }
            return try EventLog().events(after: 0, limit: 10, in: transaction)
        }
        func written() async throws -> (all: Int, ready: Int) {
            try await house.storage.read { transaction in
                let row = try transaction.row(
                    """
                    SELECT COUNT(*) AS n, SUM(CASE WHEN subscription_number % 2 = 0 THEN 1 ELSE 0 END) AS ready
                    FROM delivery
                    """)
                return (try row?["n"] ?? 0, try row?["ready"] ?? 0)
            }
        }
        let consumed = try await house.storage.write { try EventMatching().consume(events, at: now, in: $0) }
        #expect(consumed.count == 2)
        #expect(try await written() == (256, 256))
        try await house.storage.write { [part = consumed.rest[0]] in try part($0) }
        #expect(try await written() == (260, 260))
        // The process dies before the last part: the place has not moved.
        #expect(try await house.dispatcher.dispatchOnce() == 2)
        #expect(try await written() == (520, 260))
        #expect(try await house.dispatcher.dispatchOnce() == 0)
    }

    @Test("what is ordered stays together, also where the lane changes while a batch is looked up")
    func togetherInParts() async throws {
        let house = try await FanoutHouse()
        let ordered = try await house.subscribe(["url": "http://127.0.0.1:9/", "ordering": "subscription"])
        for _ in 0..<40 { _ = try await subscribe(house, ["export.failed"]) }
        let now = house.time.now()
        let lane = ordered.number
        let events = try await house.storage.write { transaction in
            try transaction.execute("UPDATE delivery_lane SET is_full = 1 WHERE subscription_number = \(lane)")
            for number in 0..<32 {
                try EventLog().append(
                    EventDraft(
                        type: number < 16 ? "export.completed" : "export.failed", resource: "exp_\(number)",
                        timestamp: now, data: [:]), in: transaction)
            }
            return try EventLog().events(after: 0, limit: 100, in: transaction)
        }
        func written() async throws -> Int {
            try await house.storage.read { try $0.count("delivery WHERE subscription_number = \(lane)") }
        }
        // What another gateway commits between two statements.
        let end: SQLQuery = "UPDATE delivery_lane SET is_full = 0 WHERE subscription_number = \(lane)"
        let consumed = try await house.storage.write {
            try EventMatching().consume(events, at: now, in: Interrupted($0, by: end))
        }
        #expect(consumed.count == 32 && !consumed.rest.isEmpty)
        #expect([0, 32].contains(try await written()))
        for part in consumed.rest {
            try await house.storage.write { try part($0) }
            #expect([0, 32].contains(try await written()))
        }
        #expect(try await written() == 32)
    }

    @Test("to be stopped between parts is no failure")
    func stoppedBetweenParts() async throws {
        let lines = LogLines()
        let house = try await FanoutHouse(logging: lines)
        let now = house.time.now()
        _ = try await house.storage.write {
            try EventLog().append(
                EventDraft(type: "export.completed", resource: "exp_1", timestamp: now, data: [:]), in: $0)
        }
        let (begun, told) = AsyncStream.makeStream(of: Void.self)
        let dispatcher = EventDispatcher(
            name: "test", engine: house.storage, time: house.time, logger: house.logger
        ) { events, _ in
            .init(events.count, rest: Array(repeating: { _ in told.yield() }, count: 100_000))
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await dispatcher.run() }
            for await _ in begun { break }
            group.cancelAll()
            try await group.waitForAll()
        }
        #expect(lines.all.isEmpty)
    }
}
