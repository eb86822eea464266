import CausewayCore
import Storage
import Support
import Testing

@testable import WorkQueue

@Suite("The work queue", .onEveryEngine)
struct WorkQueueTests {
    let queue = WorkQueue(owner: "one")
    let start = Timestamp(milliseconds: 1_000_000)

    func database() async throws -> TestDatabase { try await TestDatabase(WorkQueueMigrations.all) }

    func enqueue(_ key: String, due: Duration = .zero, in database: TestDatabase) async throws {
        try await database.engine.write { [start, queue] in
            try queue.enqueue(WorkDraft(kind: "k", key: key, dueAt: start + due), at: start, in: $0)
        }
    }

    func claim(
        _ database: TestDatabase, after: Duration = .zero, limit: Int = 10, by queue: WorkQueue? = nil
    ) async throws -> [WorkItem] {
        let queue = queue ?? self.queue
        return try await database.engine.write { [start] in
            try queue.claim("k", limit: limit, at: start + after, until: start + after + .seconds(10), in: $0)
        }
    }

    @Test("gives out what is due, the longest due first, and to nobody else while the lease holds")
    func claiming() async throws {
        let database = try await database()
        try await enqueue("late", due: .seconds(3), in: database)
        try await enqueue("b", due: .seconds(2), in: database)
        try await enqueue("a", due: .seconds(1), in: database)
        #expect(try await claim(database, after: .seconds(2), limit: 1).map(\.key) == ["a"])
        #expect(try await claim(database, after: .seconds(2)).map(\.key) == ["b"])
        #expect(try await claim(database, after: .seconds(2)).isEmpty)
    }

    @Test("gives an item out again when its lease is over, and refuses the result of the first claim")
    func fencing() async throws {
        let database = try await database()
        try await enqueue("a", in: database)
        let first = try #require(try await claim(database).first)
        let second = try #require(
            try await claim(database, after: .seconds(11), by: WorkQueue(owner: "two")).first)
        #expect(second.attempt == 2)
        await #expect(throws: WorkQueueError.leaseLost) {
            try await database.engine.write { try queue.complete(first, at: start, in: $0) }
        }
        try await database.engine.write { try queue.complete(second, at: start, in: $0) }
        #expect(try await claim(database, after: .seconds(100)).isEmpty)
    }

    @Test("keeps one item of a kind and key, due at the earliest time asked for")
    func merging() async throws {
        let database = try await database()
        try await enqueue("a", due: .seconds(60), in: database)
        try await enqueue("a", due: .seconds(90), in: database)
        #expect(try await claim(database, after: .seconds(59)).isEmpty)
        try await enqueue("a", due: .seconds(5), in: database)
        #expect(try await claim(database, after: .seconds(5)).count == 1)
    }

    @Test("runs an item again that was enqueued while it ran")
    func wakes() async throws {
        let database = try await database()
        try await enqueue("a", in: database)
        let item = try #require(try await claim(database).first)
        try await enqueue("a", in: database)
        #expect(try await claim(database).isEmpty)
        try await database.engine.write { try queue.complete(item, at: start, in: $0) }
        let again = try #require(try await claim(database).first)
        #expect(again.attempt == 1)
        try await database.engine.write {
            try queue.reschedule(again, at: start + .seconds(60), now: start, in: $0)
        }
        #expect(try await claim(database, after: .seconds(59)).isEmpty)
        #expect(try await claim(database, after: .seconds(60)).first?.attempt == 2)
    }

    @Test("keeps buried work from being claimed until it is asked for again")
    func burying() async throws {
        let database = try await database()
        try await enqueue("a", in: database)
        let item = try #require(try await claim(database).first)
        try await database.engine.write { try queue.bury(item, error: "hopeless", at: start, in: $0) }
        #expect(try await claim(database, after: .seconds(1000)).isEmpty)
        try await enqueue("a", due: .seconds(1), in: database)
        #expect(try await claim(database, after: .seconds(1000)).count == 1)
    }
}
