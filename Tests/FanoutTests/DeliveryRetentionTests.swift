import CausewayCore
import Events
import Storage
import Support
import Testing
import WorkQueue

@testable import Fanout

@Suite("Retention of deliveries and events", .onEveryEngine)
struct DeliveryRetentionTests {
    private func retention(_ house: FanoutHouse) -> DeliveryRetention {
        DeliveryRetention(
            engine: house.storage, time: house.time, deliveries: .seconds(30 * 86_400),
            events: .seconds(90 * 86_400))
    }

    private func count(_ table: SQLQuery, _ house: FanoutHouse) async throws -> Int {
        try await house.storage.read { try $0.count(table) }
    }

    private func settle(_ house: FanoutHouse, _ state: Delivery.State) async throws {
        try await house.storage.write { [time = house.time] transaction in
            _ = try transaction.execute(
                "UPDATE delivery SET state = \(state), visible_at = NULL, ended_at = \(time.now()), attempts = 1")
            _ = try transaction.execute(
                """
                INSERT INTO delivery_attempt (delivery_number, number, started_at, duration_ms)
                SELECT number, 1, 0, 0 FROM delivery
                """)
        }
    }

    @Test("what ended long ago goes with its attempts, its event when nothing needs it")
    func ended() async throws {
        let house = try await FanoutHouse()
        _ = try await house.subscribe(["url": "http://127.0.0.1:9/"])
        for number in 0..<300 {
            _ = try await house.storage.write { [time = house.time] in
                try EventLog().append(
                    EventDraft(type: "export.completed", resource: "exp_\(number)", timestamp: time.now(), data: [:]),
                    in: $0)
            }
        }
        while try await house.dispatcher.dispatchOnce() > 0 {}
        try await settle(house, .delivered)
        house.time.advance(by: .seconds(29 * 86_400))
        try await house.publish("export.completed", "exp_new")
        try await retention(house).tidy()
        #expect(try await count("delivery", house) == 301)
        house.time.advance(by: .seconds(2 * 86_400))
        try await retention(house).tidy()
        // What is still to be sent stays however old it is.
        #expect(try await house.all().map(\.state) == [.pending])
        #expect(try await count("delivery_attempt", house) == 0)
        #expect(try await count("event_log", house) == 301)
        house.time.advance(by: .seconds(90 * 86_400))
        try await retention(house).tidy()
        #expect(try await count("event_log", house) == 1)
        #expect(try await house.all().map(\.state) == [.pending])
        // The log goes on where it was.
        try await house.publish("export.completed", "exp_after")
        #expect(try await house.all().count == 2)
    }

    @Test("an event that has not been handed on stays, however old")
    func unread() async throws {
        let house = try await FanoutHouse()
        try await house.publish()
        _ = try await house.storage.write { [time = house.time] in
            try EventLog().append(
                EventDraft(type: "export.completed", resource: "exp_2", timestamp: time.now(), data: [:]), in: $0)
        }
        house.time.advance(by: .seconds(400 * 86_400))
        try await retention(house).tidy()
        #expect(try await count("event_log", house) >= 1)
    }

    @Test("what was sent of a batch that has still to be gone on with stays, however old: it would be sent again")
    func halfWritten() async throws {
        let house = try await FanoutHouse()
        for _ in 0..<600 { _ = try await house.subscribe(["url": "http://127.0.0.1:9/"]) }
        let now = house.time.now()
        let events = try await house.storage.write { transaction in
            for number in 1...2 {
                try EventLog().append(
                    EventDraft(type: "export.completed", resource: "exp_\(number)", timestamp: now, data: [:]),
                    in: transaction)
            }
            return try EventLog().events(after: 0, limit: 1, in: transaction)
        }
        // The process dies after the first part, and is started when that is over for long.
        _ = try await house.storage.write { try EventMatching().consume(events, at: now, in: $0) }
        let sent = try await count("delivery", house)
        try await settle(house, .delivered)
        house.time.advance(by: .seconds(31 * 86_400))
        try await retention(house).tidy()
        while try await house.dispatcher.dispatchOnce() > 0 {}
        #expect(try await count("delivery WHERE state = 'delivered'", house) == sent)
        #expect(try await count("delivery", house) == 1200)
    }

    @Test("the row of a deleted subscription goes after its last delivery")
    func deleted() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(["url": "http://127.0.0.1:9/"])
        try await house.publish()
        try await house.subscriptions.delete(made.id) { _, _ in }
        house.time.advance(by: .seconds(31 * 86_400))
        try await retention(house).tidy()
        #expect(try await house.all().isEmpty)
        #expect(try await count("subscription", house) == 0)
    }

    @Test("a reader of the log that is gone keeps nothing from being removed")
    func formerReader() async throws {
        let steps = EventMigrations.all + WorkQueueMigrations.all + FanoutMigrations.all
        let database = try await TestDatabase(steps.filter { $0.number < 39 })
        try await database.engine.write { transaction in
            // As an earlier form of step 38 left it.
            for statement: SQLQuery in [
                "INSERT INTO event_cursor (name, position) VALUES ('fanout-rest', 7)",
                "INSERT INTO event_cursor (name, position) VALUES ('fanout', 9)",
                "CREATE TABLE delivery_matching (sequence BIGINT NOT NULL, subscription_number BIGINT NOT NULL)",
                "CREATE INDEX delivery_lane_paced ON delivery_lane (subscription_number) WHERE pace > 0",
            ] {
                _ = try transaction.execute(statement)
            }
        }
        #expect(try await Migrator(steps).migrate(database.engine, at: Timestamp(milliseconds: 0)) == [39])
        let readers = try await database.engine.read { try $0.rows("SELECT name FROM event_cursor") }
        #expect(try readers.map { try $0["name"] } == ["fanout"])
        await #expect(throws: StorageError.self) {
            _ = try await database.engine.read { try $0.count("delivery_matching") }
        }
    }
}
