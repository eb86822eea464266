public import CausewayCore
public import Logging
public import Storage
import Synchronization

/// Runs the work of one process: for each kind a loop that claims what is due, as many at once as the handler
/// allows, with heartbeats while they run.
///
/// Invariants: an item is run only under a lease; a result is written only under the same lease (the fence);
/// after `stop` nothing is claimed and what runs is let finish; a run that is cancelled gives its item back.
public final class Worker: Sendable {
    private let queue: WorkQueue
    private let engine: any StorageEngine
    private let time: any TimeSource
    private let logger: Logger
    private let handlers: [WorkHandler]
    private let state = Mutex(State())

    private struct State {
        var isStopping = false
        var wakers: [SignalSubscription] = []
        var lastLook: Timestamp?
        var running: [Identifier<WorkItemKind>: (item: WorkItem, lease: Duration)] = [:]
        /// Claimed again while an earlier run has not returned.
        var waiting: [Identifier<WorkItemKind>: (item: WorkItem, lease: Duration)] = [:]
    }

    public init(
        queue: WorkQueue, engine: any StorageEngine, time: any TimeSource, logger: Logger, handlers: [WorkHandler]
    ) {
        precondition(Set(handlers.map(\.kind)).count == handlers.count, "two handlers for one kind")
        self.queue = queue
        self.engine = engine
        self.time = time
        self.logger = logger
        self.handlers = handlers
    }

    /// When it last could look for work of any kind; nil before it runs. It looks every two seconds at the latest.
    public var lastLook: Timestamp? { state.withLock(\.lastLook) }

    /// Claims nothing more; `run` returns when what runs has ended.
    public func stop() {
        let wakers = state.withLock { state in
            state.isStopping = true
            return state.wakers
        }
        for waker in wakers { waker.signal() }
    }

    /// Until `stop` (what runs finishes) or cancellation (what runs is cancelled and given back).
    public func run() async throws {
        let released = try await engine.write { [queue, time] in try queue.releaseAbandoned(at: time.now(), in: $0) }
        if released > 0 {
            logger.notice("work left by an earlier process goes on", metadata: ["items": "\(released)"])
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            let heartbeat = SignalSubscription()
            group.addTask { try await self.beat(until: heartbeat) }
            await withTaskGroup(of: Void.self) { kinds in
                for handler in handlers { kinds.addTask { await self.serve(handler) } }
            }
            heartbeat.signal()
            try await group.waitForAll()
        }
    }

    // MARK: Claiming

    private func serve(_ handler: WorkHandler) async {
        await engine.signals.withSubscription(to: [WorkQueue.topic(handler.kind)]) { waker in
            state.withLock { $0.wakers.append(waker) }
            await withDiscardingTaskGroup { group in
                while !Task.isCancelled, !state.withLock({ $0.isStopping }) {
                    let lookedAt = time.now()
                    let free = handler.concurrency - running(handler.kind)
                    guard let items = free > 0 ? await claim(handler, limit: free) : [] else {
                        // The store refuses: no hurry, and no flood of log lines.
                        _ = try? await waker.next(until: lookedAt + .seconds(1), by: time)
                        continue
                    }
                    state.withLock { $0.lastLook = lookedAt }
                    for item in items where begin(item, handler) {
                        group.addTask {
                            var next: WorkItem? = item
                            while let current = next {
                                await self.perform(current, handler)
                                next = self.end(current)
                            }
                            waker.signal()
                        }
                    }
                    // A full batch means that there is probably more: look again at once.
                    if free > 0, items.count == free { continue }
                    await wait(handler, waker, lookedAt: free > 0 ? lookedAt : nil)
                }
            }
        }
    }

    private func running(_ kind: String) -> Int {
        state.withLock { $0.running.values.count { $0.item.kind == kind } }
    }

    /// Nil where the store fails.
    private func claim(_ handler: WorkHandler, limit: Int) async -> [WorkItem]? {
        do {
            return try await engine.write { [queue, time] transaction in
                let now = time.now()
                return try queue.claim(
                    handler.kind, limit: limit, at: now, until: now + handler.lease, in: transaction)
            }
        } catch {
            logger.error("work could not be claimed", metadata: ["kind": "\(handler.kind)", "error": "\(error)"])
            return nil
        }
    }

    /// False where an earlier run of the same item has not returned yet: it was settled and came back at once, or its
    /// lease ran out while the store took no heartbeat. Then it runs after that one.
    private func begin(_ item: WorkItem, _ handler: WorkHandler) -> Bool {
        state.withLock { state in
            guard state.running[item.id] == nil else {
                state.waiting[item.id] = (item, handler.lease)
                return false
            }
            state.running[item.id] = (item, handler.lease)
            return true
        }
    }

    /// The same item's next run, where it was claimed again meanwhile.
    private func end(_ item: WorkItem) -> WorkItem? {
        state.withLock { state in
            state.running[item.id] = state.waiting.removeValue(forKey: item.id)
            return state.running[item.id]?.item
        }
    }

    /// - Parameter lookedAt: when work was last looked for; nil where there was no room to take any.
    private func wait(_ handler: WorkHandler, _ waker: SignalSubscription, lookedAt: Timestamp?) async {
        let now = time.now()
        var until = now + .seconds(2)
        if let lookedAt {
            let due = try? await engine.read { [queue] in try queue.nextDue(handler.kind, in: $0) }
            if let due = due ?? nil {
                // It came due since: look again at once. What was due then and could not be taken is left a moment.
                if due <= now, due > lookedAt { return }
                until = min(until, max(due, now + .milliseconds(50)))
            }
        }
        _ = try? await waker.next(until: until, by: time)
    }

    // MARK: Running

    private func perform(_ item: WorkItem, _ handler: WorkHandler) async {
        let outcome: WorkOutcome
        do {
            outcome = try await handler.work(item)
        } catch WorkQueueError.leaseLost {
            outcome = .settled
            logger.warning("a lease was lost; its result was not written", metadata: describe(item))
        } catch {
            outcome = Task.isCancelled ? .again(at: time.now()) : .retry("\(error)")
        }
        do {
            try await settle(item, handler, outcome)
        } catch WorkQueueError.leaseLost {
            logger.warning("a lease was lost; its result was not written", metadata: describe(item))
        } catch {
            // The lease ends by itself and the item is run again.
            logger.error(
                "a result could not be written",
                metadata: describe(item).merging(["error": "\(error)"]) { $1 })
        }
    }

    private func settle(_ item: WorkItem, _ handler: WorkHandler, _ outcome: WorkOutcome) async throws {
        if case .settled = outcome { return }
        if case .retry(let error) = outcome {
            logger.warning(
                "work is tried again",
                metadata: describe(item).merging(["error": "\(error)"]) { $1 })
        }
        try await engine.write { [queue, time] transaction in
            let now = time.now()
            switch outcome {
            case .settled: break
            case .done: try queue.complete(item, at: now, in: transaction)
            case .retry(let error):
                try queue.reschedule(
                    item, at: now + handler.backoff(item.attempt), now: now, error: error, in: transaction)
            case .again(let next):
                try queue.reschedule(item, at: next, now: now, resetsAttempts: true, in: transaction)
            case .bury(let error): try queue.bury(item, error: error, at: now, in: transaction)
            }
        }
    }

    // MARK: Heartbeat

    private func beat(until end: SignalSubscription) async throws {
        guard let shortest = handlers.map(\.lease).min() else { return }
        while try await !end.next(until: time.now() + shortest / 3, by: time) {
            let running = state.withLock { Array($0.running.values) + Array($0.waiting.values) }
            guard !running.isEmpty else { continue }
            do {
                try await engine.write { [queue, time] transaction in
                    let now = time.now()
                    for (item, lease) in running {
                        try queue.extend([item], until: now + lease, in: transaction)
                    }
                }
            } catch {
                logger.error("a heartbeat failed", metadata: ["error": "\(error)"])
            }
        }
    }

    private func describe(_ item: WorkItem) -> Logger.Metadata {
        ["kind": "\(item.kind)", "key": "\(item.key)", "attempt": "\(item.attempt)"]
    }
}
