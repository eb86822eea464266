import CausewayCore
import Events
import Logging
import Storage
import Support
import Synchronization
import Testing

@Suite("The event log", .onEveryEngine)
struct EventLogTests {
    let log = EventLog()

    func draft(_ resource: String, type: String = "export.completed", occurrence: String = "") -> EventDraft {
        EventDraft(
            type: type, resource: resource, occurrence: occurrence, timestamp: Timestamp(milliseconds: 5),
            attributes: ["report": "vrc_1"], data: ["id": .string(resource)])
    }

    @Test("publishes a fact once, however often it is reported")
    func once() async throws {
        let database = try await TestDatabase(EventMigrations.all)
        let added = try await database.engine.write { transaction in
            [
                try log.append(draft("exp_1"), in: transaction), try log.append(draft("exp_1"), in: transaction),
                try log.append(draft("exp_1", occurrence: "2"), in: transaction),
            ]
        }
        #expect(added == [true, false, true])
        let events = try await database.engine.read { try log.events(after: 0, limit: 10, in: $0) }
        #expect(events.count == 2)
        #expect(events[0].id == EventID(derivedFrom: ["export.completed", "exp_1", ""]))
        #expect(events[0].attributes == ["report": "vrc_1"])
        #expect(events[0].json["data"]?["id"] == "exp_1")
    }

    @Test("is read in order, after a place, by type")
    func reading() async throws {
        let database = try await TestDatabase(EventMigrations.all)
        try await database.engine.write { transaction in
            for number in 1...5 {
                try log.append(
                    draft("exp_\(number)", type: number % 2 == 0 ? "export.failed" : "export.completed"),
                    in: transaction)
            }
        }
        let events = try await database.engine.read {
            try log.events(of: ["export.completed"], after: 1, limit: 10, in: $0)
        }
        #expect(events.map(\.resource) == ["exp_3", "exp_5"])
    }

    @Test("hands each event to a consumer exactly once, also after the consumer failed")
    func dispatching() async throws {
        struct Refusal: Error {}
        let database = try await TestDatabase(
            EventMigrations.all + [
                Migration(number: 9, reason: "test", statements: ["CREATE TABLE seen (resource TEXT PRIMARY KEY)"])
            ])
        try await database.engine.write { transaction in
            for number in 1...25 { try log.append(draft("exp_\(number)"), in: transaction) }
        }
        let refusals = Refusals()
        let dispatcher = EventDispatcher(
            name: "test", engine: database.engine, time: ManualTimeSource(), logger: Logger(label: "test"), batch: 10
        ) { events, transaction in
            for event in events {
                try transaction.execute("INSERT INTO seen (resource) VALUES (\(event.resource))")
                if event.resource == "exp_13", refusals.isFirst() { throw Refusal() }
            }
            return .init(events.count)
        }
        #expect(try await dispatcher.dispatchOnce() == 10)
        await #expect(throws: Refusal.self) { try await dispatcher.dispatchOnce() }
        #expect(try await dispatcher.dispatchOnce() == 10)
        #expect(try await dispatcher.dispatchOnce() == 5)
        #expect(try await dispatcher.dispatchOnce() == 0)
        let seen = try await database.engine.read { try $0.row("SELECT COUNT(*) AS n FROM seen")?["n"] as Int? }
        #expect(seen == 25)
    }

    @Test("writes a consumer's parts in transactions of their own, and moves on with the last")
    func parts() async throws {
        struct Refusal: Error {}
        let database = try await TestDatabase(
            EventMigrations.all + [
                Migration(number: 9, reason: "test", statements: ["CREATE TABLE seen (part TEXT PRIMARY KEY)"])
            ])
        try await database.engine.write { transaction in
            for number in 1...5 { try log.append(draft("exp_\(number)"), in: transaction) }
        }
        let refusals = Refusals()
        let time = ManualTimeSource()
        func dispatcher(between: @escaping @Sendable () throws -> Void = {}) -> EventDispatcher {
            EventDispatcher(name: "test", engine: database.engine, time: time, logger: Logger(label: "test")) {
                events, transaction in
                @Sendable func write(_ part: String, _ transaction: any Transaction) throws {
                    let text = "\(events[0].resource) \(part)"
                    try transaction.execute("INSERT INTO seen (part) VALUES (\(text)) ON CONFLICT (part) DO NOTHING")
                }
                try write("a", transaction)
                return .init(
                    min(2, events.count),
                    rest: [
                        { try write("b", $0) },
                        { transaction in
                            try between()
                            try write("c", transaction)
                        },
                    ])
            }
        }
        func seen() async throws -> [String] {
            try await database.engine.read { try $0.rows("SELECT part FROM seen ORDER BY part").map { try $0["part"] } }
        }
        await #expect(throws: Refusal.self) {
            try await dispatcher { if refusals.isFirst() { throw Refusal() } }.dispatchOnce()
        }
        #expect(try await seen() == ["exp_1 a", "exp_1 b"])
        #expect(try await dispatcher().dispatchOnce() == 2)
        #expect(try await seen() == ["exp_1 a", "exp_1 b", "exp_1 c"])
        // Of two that are at the same, one moves on, and neither skips anything.
        let both = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<2 { group.addTask { try await dispatcher().dispatchOnce() } }
            return try await group.reduce(0, +)
        }
        #expect([2, 3].contains(both))
        while try await seen().count < 9 { try await dispatcher().dispatchOnce() }
        #expect(try await dispatcher().dispatchOnce() == 0)
    }

    private final class Refusals: Sendable {
        private let count = Mutex(0)

        func isFirst() -> Bool {
            count.withLock { count in
                count += 1
                return count == 1
            }
        }
    }
}
