import CausewayCore
import Storage
import Synchronization
import WorkQueue

extension StorageBench {
    /// Durable changes a second of callers who each wait for their own.
    func writes(for duration: Duration, callers: Int = 64) async throws -> Double {
        let text = String(repeating: "x", count: 900)
        let begin = ContinuousClock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<callers {
                group.addTask { [engine] in
                    var count = 0
                    while ContinuousClock.now < begin + duration {
                        try await engine.write(.shared) {
                            _ = try $0.execute("INSERT INTO bench_row (body) VALUES (\(text))")
                        }
                        count += 1
                    }
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Self.rate(count, since: begin)
    }

    /// Each loop completes what it has claimed and claims the next in one transaction, as a worker does.
    func work(loops: Int = 4, batch: Int = 100) async throws -> Double {
        let begin = ContinuousClock.now
        let count = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<loops {
                group.addTask { [engine] in
                    let queue = WorkQueue()
                    var (count, items) = (0, [WorkItem]())
                    repeat {
                        items = try await engine.write { [items] transaction in
                            let now = SystemTimeSource().now()
                            guard try queue.complete(items, at: now, in: transaction).isEmpty else {
                                throw WorkQueueError.leaseLost
                            }
                            return try queue.claim(
                                Self.kind, limit: batch, at: now, until: now + .seconds(15), in: transaction)
                        }
                        count += items.count
                    } while !items.isEmpty
                    return count
                }
            }
            return try await group.reduce(0, +)
        }
        return Self.rate(count, since: begin)
    }

    func worker(concurrency: Int = 200) async throws -> Double {
        let due = try await due()
        let left = Mutex(due)
        let end = SignalSubscription()
        let handler = WorkHandler(kind: Self.kind, concurrency: concurrency) { _ in
            let isLast = left.withLock { left in
                left -= 1
                return left == 0
            }
            if isLast { end.signal() }
            return .done
        }
        let worker = Worker(
            queue: WorkQueue(), engine: engine, time: SystemTimeSource(), logger: logger, handlers: [handler])
        let begin = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            try await end.next()
            worker.stop()
            try await group.waitForAll()
        }
        let rate = Self.rate(due, since: begin)
        guard try await self.due() == 0 else { throw WorkQueueError.leaseLost }
        return rate
    }

    private func due() async throws -> Int {
        try await engine.read {
            try $0.row("SELECT COUNT(*) AS n FROM work_item WHERE kind = \(Self.kind) AND buried_at IS NULL")?["n"] ?? 0
        }
    }
}
