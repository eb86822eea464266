import CausewayCore
import Logging
import Storage
import Support
import Synchronization
import Testing

@testable import WorkQueue

// Several workers on one database, each with a clock of its own: one whose clock stands still is asleep.
@Suite("Workers of several gateways", .onEveryEngine, .timeLimit(.minutes(9)))
struct WorkerGatewaysTests {
    private func worker(
        _ owner: String, _ database: TestDatabase, _ time: ManualTimeSource, concurrency: Int = 8,
        _ work: @escaping @Sendable (WorkItem) async throws -> WorkOutcome
    ) -> Worker {
        Worker(
            queue: WorkQueue(owner: owner), engine: database.engine, time: time, logger: Logger(label: "test"),
            handlers: [
                WorkHandler(kind: "k", concurrency: concurrency, work: work),
                WorkHandler(kind: "other", concurrency: 1) { _ in .done },
            ])
    }

    private func enqueue(_ count: Int, in database: TestDatabase, at now: Timestamp) async throws {
        try await database.engine.write { transaction in
            for number in 0..<count {
                try WorkQueue().enqueue(WorkDraft(kind: "k", key: "\(number)", dueAt: now), at: now, in: transaction)
            }
        }
    }

    private func count(_ database: TestDatabase) async throws -> Int {
        try await database.engine.read { try $0.row("SELECT COUNT(*) AS n FROM work_item")?["n"] ?? -1 }
    }

    @Test("do everything once between them, in few statements")
    func once() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        let time = ManualTimeSource()
        let (done, finished) = AsyncStream.makeStream(of: String.self)
        let first = worker("one", database, time, concurrency: 100) { item in
            finished.yield(item.key)
            return .done
        }
        let second = worker("two", database, time, concurrency: 100) { item in
            finished.yield(item.key)
            return .done
        }
        async let one: Void = first.run()
        async let two: Void = second.run()
        while first.lastLook == nil || second.lastLook == nil { await Task.yield() }
        try await enqueue(2000, in: database, at: time.now())
        let before = database.engine.statistics[.statements]
        var seen: [String: Int] = [:]
        for await key in done {
            seen[key, default: 0] += 1
            if seen.count == 2000 { break }
        }
        first.stop()
        second.stop()
        try await one
        try await two
        #expect(seen.values.allSatisfy { $0 == 1 })
        #expect(try await count(database) == 0)
        // About 0.1 each, more on a slow machine, where fewer gather; one by one it would be three.
        #expect(Double(database.engine.statistics[.statements] - before) / 2000 < 0.5)
    }

    @Test("take over what one that fell asleep had claimed; it neither writes nor begins what others have")
    func sleeper() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        let asleep = ManualTimeSource()
        // Ten seconds behind, so that the other one claims; then it goes on while the other's stands still.
        let awake = ManualTimeSource(asleep.now() + .seconds(-10))
        let (starts, started) = AsyncStream.makeStream(of: String.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let isRenewed = Mutex<Bool?>(nil)
        let first = worker("one", database, asleep) { item in
            started.yield("one")
            for await _ in ends { break }
            // What cannot be undone is not begun any more; and whatever it says, nothing is written.
            let renewal: Void? = try? await database.engine.write {
                try WorkQueue(owner: "one").renew(item, at: asleep.now(), in: $0)
            }
            isRenewed.withLock { $0 = renewal != nil }
            return .done
        }
        let second = worker("two", database, awake) { item in
            started.yield("two")
            return .again(at: item.createdAt + .seconds(3600))
        }
        async let one: Void = first.run()
        async let two: Void = second.run()
        while first.lastLook == nil || second.lastLook == nil { await Task.yield() }
        var iterator = starts.makeAsyncIterator()
        try await enqueue(1, in: database, at: asleep.now())
        #expect(await iterator.next() == "one")
        // 17 s after the claim: the lease is over, and it is looked for at least every two seconds.
        awake.advance(by: .seconds(27))
        #expect(await iterator.next() == "two")
        second.stop()
        try await two
        end.yield()
        first.stop()
        try await one
        #expect(isRenewed.withLock { $0 } == false)
        let left = try await database.engine.read {
            try $0.row("SELECT visible_at FROM work_item")?["visible_at"] as Timestamp?
        }
        #expect(left == asleep.now() + .seconds(3600))
    }

    @Test("pass over items that another is settling, and complete a batch without what was enqueued again")
    func batch() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        let now = Timestamp(milliseconds: 1_000_000)
        let queue = WorkQueue(owner: "one")
        try await enqueue(10, in: database, at: now)
        let items = try await database.engine.write {
            try queue.claim([("other", 5), ("k", 10)], at: now, until: now + .seconds(15), in: $0)
        }
        #expect(items.count == 10)
        // One is enqueued again, one is somebody else's by now.
        let other = WorkQueue(owner: "two")
        try await database.engine.write { transaction in
            try queue.enqueue(WorkDraft(kind: "k", key: items[3].key, dueAt: now), at: now, in: transaction)
            try transaction.execute("UPDATE work_item SET visible_at = \(now) WHERE id = \(items[5].id)")
            #expect(try other.claim("k", limit: 10, at: now, until: now + .seconds(15), in: transaction).count == 1)
            #expect(try queue.extend(items, until: now + .seconds(30), in: transaction).count == 9)
        }
        let before = database.engine.statistics[.statements]
        let lost = try await database.engine.write { try queue.complete(items, at: now, in: $0) }
        #expect(lost.map(\.id) == [items[5].id])
        #expect(database.engine.statistics[.statements] - before <= 3)
        let again = try await database.engine.write {
            try queue.claim("k", limit: 10, at: now, until: now + .seconds(15), in: $0)
        }
        #expect(again.map(\.id) == [items[3].id])
        #expect(try await count(database) == 2)
    }
}
