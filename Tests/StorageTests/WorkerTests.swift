import CausewayCore
import Logging
import Storage
import Support
import Synchronization
import Testing

@testable import WorkQueue

@Suite("The worker", .onEveryEngine, .timeLimit(.minutes(9)))
struct WorkerTests {
    let time = ManualTimeSource()

    func worker(
        _ database: TestDatabase, owner: String = "one", concurrency: Int = 4,
        _ work: @escaping @Sendable (WorkItem) async throws -> WorkOutcome
    ) -> Worker {
        Worker(
            queue: WorkQueue(owner: owner), engine: database.engine, time: time, logger: Logger(label: "test"),
            handlers: [
                WorkHandler(
                    kind: "k", concurrency: concurrency, backoff: { .seconds($0) }, work: work)
            ])
    }

    func enqueue(_ keys: [String], in database: TestDatabase) async throws {
        let now = time.now()
        try await database.engine.write { transaction in
            for key in keys {
                try WorkQueue().enqueue(WorkDraft(kind: "k", key: key, dueAt: now), at: now, in: transaction)
            }
        }
    }

    func count(_ database: TestDatabase) async throws -> Int {
        try await database.engine.read { try $0.row("SELECT COUNT(*) AS n FROM work_item")?["n"] ?? -1 }
    }

    /// Moves the clock to when a worker has something to do. Its rounds and its heartbeat sleep: neither is overtaken
    /// by the clock, as a slow machine's would be.
    func step() async { await time.advanceToNextSleeper(of: 2) }

    func passMinute() async {
        let minute = time.now() + .seconds(60)
        while time.now() < minute { await step() }
    }

    @Test("does everything that is due, no more at once than it may, and stops when told")
    func runsAll() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue((0..<50).map(String.init), in: database)
        let (done, finished) = AsyncStream.makeStream(of: String.self)
        let running = Peak()
        let worker = worker(database) { item in
            running.enter()
            await Task.yield()
            running.leave()
            finished.yield(item.key)
            return .done
        }
        async let run: Void = worker.run()
        var seen: Set<String> = []
        for await key in done {
            seen.insert(key)
            if seen.count == 50 { break }
        }
        worker.stop()
        try await run
        #expect(try await count(database) == 0)
        #expect(running.peak <= 4)
    }

    @Test("writes down everything else where one result can never be written")
    func unwritable() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue(["a", "bad", "b", "c"], in: database)
        let worker = worker(database) { item in
            // No engine takes U+0000. Its lease runs out, and it comes again.
            item.key == "bad" && item.attempt == 1 ? .retry("no\0words") : .done
        }
        async let run: Void = worker.run()
        while try await count(database) > 0 { await step() }
        worker.stop()
        try await run
    }

    @Test("tries again after the backoff what failed")
    func retries() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue(["a"], in: database)
        let (attempts, seen) = AsyncStream.makeStream(of: Int.self)
        let worker = worker(database) { item in
            seen.yield(item.attempt)
            return item.attempt < 3 ? .retry("not yet") : .done
        }
        async let run: Void = worker.run()
        var iterator = attempts.makeAsyncIterator()
        #expect(await iterator.next() == 1)
        let clock = Task {
            while !Task.isCancelled { await step() }
        }
        #expect(await iterator.next() == 2)
        #expect(await iterator.next() == 3)
        clock.cancel()
        worker.stop()
        try await run
        #expect(try await count(database) == 0)
    }

    @Test("gives back what it was doing when it is cancelled, and another goes on at once")
    func cancellation() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue(["a"], in: database)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let first = worker(database) { _ in
            started.yield()
            try await Task.sleep(for: .seconds(600))
            return .done
        }
        let run = Task { try await first.run() }
        var iterator = starts.makeAsyncIterator()
        await iterator.next()
        run.cancel()
        _ = await run.result
        let held = try await database.engine.read {
            try $0.row("SELECT COUNT(*) AS n FROM work_item WHERE owner IS NOT NULL")?["n"] as Int?
        }
        #expect(held == 0)
        let second = worker(database, owner: "two") { _ in
            started.yield()
            return .done
        }
        async let rest: Void = second.run()
        await iterator.next()
        second.stop()
        try await rest
        #expect(try await count(database) == 0)
    }

    @Test("keeps the heartbeat of an item that comes back at once")
    func comesBackAtOnce() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue(["a"], in: database)
        let (runs, ran) = AsyncStream.makeStream(of: Int.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let start = time.now()
        let worker = worker(database) { item in
            ran.yield(item.attempt)
            if item.attempt == 1 {
                // Settled here and due at once: it is claimed again before this run has returned.
                try await database.engine.write {
                    try WorkQueue(owner: "one").reschedule(item, at: start, now: start, in: $0)
                }
                return .settled
            }
            for await _ in ends { break }
            return .done
        }
        async let run: Void = worker.run()
        var iterator = runs.makeAsyncIterator()
        #expect(await iterator.next() == 1)
        #expect(await iterator.next() == 2)
        await passMinute()
        end.yield()
        worker.stop()
        try await run
        #expect(try await count(database) == 0)
        ran.finish()
        #expect(await iterator.next() == nil, "claimed a third time")
    }

    @Test("goes on at start with what a dead process held, without waiting for its lease", .only(on: .sqlite))
    func deadProcess() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue(["a"], in: database)
        let now = time.now()
        let held = try await database.engine.write {
            try WorkQueue(owner: "dead").claim("k", limit: 1, at: now, until: now + .seconds(600), in: $0)
        }
        #expect(held.count == 1)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let worker = worker(database) { _ in
            started.yield()
            return .done
        }
        async let run: Void = worker.run()
        var iterator = starts.makeAsyncIterator()
        await iterator.next()
        worker.stop()
        try await run
        #expect(try await count(database) == 0)
    }

    @Test("keeps its lease by heartbeats for as long as the work takes")
    func heartbeat() async throws {
        let database = try await TestDatabase(WorkQueueMigrations.all)
        try await enqueue(["a"], in: database)
        let (starts, started) = AsyncStream.makeStream(of: Void.self)
        let (ends, end) = AsyncStream.makeStream(of: Void.self)
        let worker = worker(database) { item in
            #expect(item.attempt == 1, "claimed a second time")
            started.yield()
            for await _ in ends { break }
            return .done
        }
        async let run: Void = worker.run()
        for await _ in starts { break }
        await passMinute()
        end.yield()
        worker.stop()
        try await run
        #expect(try await count(database) == 0)
    }

    private final class Peak: Sendable {
        private let state = Mutex((now: 0, peak: 0))

        var peak: Int { state.withLock { $0.peak } }

        func enter() {
            state.withLock { state in
                state.now += 1
                state.peak = max(state.peak, state.now)
            }
        }

        func leave() { state.withLock { $0.now -= 1 } }
    }
}
