import CausewayCore
import Logging
import Storage

/// The items of a worker's kinds, done by their handlers.
struct HandledWork: LeasedWork {
    struct Report: Sendable {
        let item: WorkItem
        let outcome: WorkOutcome
    }

    let queue: WorkQueue
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    private let handlers: [WorkHandler]
    private let byKind: [String: WorkHandler]

    init(
        queue: WorkQueue, engine: any StorageEngine, time: any TimeSource, logger: Logger, handlers: [WorkHandler]
    ) {
        self.queue = queue
        self.engine = engine
        self.time = time
        self.logger = logger
        self.handlers = handlers
        byKind = Dictionary(handlers.map { ($0.kind, $0) }) { _, _ in preconditionFailure("two handlers for one kind") }
    }

    var topics: [SignalTopic] { handlers.map { WorkQueue.topic($0.kind) } }

    func releaseAbandoned() async throws {
        let released = try await engine.write { [queue, time] in try queue.releaseAbandoned(at: time.now(), in: $0) }
        if released > 0 {
            logger.notice("work left by an earlier process goes on", metadata: ["items": "\(released)"])
        }
    }

    func round(_ situation: RoundSituation<WorkItem, Report>) async throws -> Round<WorkItem> {
        let underWay = Dictionary(grouping: situation.underWay, by: \.kind).mapValues(\.count)
        // Kinds that have no room are asked for none, so that there is one text.
        let limits = handlers.map { handler in
            (kind: handler.kind, limit: max(0, handler.concurrency - underWay[handler.kind, default: 0]))
        }
        let isClaiming = situation.isClaiming && limits.contains { $0.limit > 0 }
        let reports = situation.reports.filter { if case .settled = $0.outcome { false } else { true } }
        guard isClaiming || !reports.isEmpty || !situation.late.isEmpty else { return Round(leaseEnd: time.now()) }
        let (round, lost) = try await engine.write { [self] transaction -> (Round<WorkItem>, [WorkItem]) in
            let now = time.now()
            let leaseEnd = now + Lease.duration
            let prolonged = try queue.extend(situation.late, until: leaseEnd, in: transaction)
            let lost = try settle(reports, at: now, in: transaction)
            guard isClaiming else { return (Round(leaseEnd: leaseEnd, prolonged: prolonged), lost) }
            let items = try queue.claim(limits, at: now, until: leaseEnd, in: transaction)
            let claimed = Dictionary(grouping: items, by: \.kind).mapValues(\.count)
            let open = limits.filter { $0.limit > claimed[$0.kind, default: 0] }.map(\.kind)
            let next = try queue.nextDue(open, in: transaction)
            return (
                Round(
                    claims: items, leaseEnd: leaseEnd, prolonged: prolonged,
                    nextDue: Round<WorkItem>.next(next, at: now)),
                lost
            )
        }
        for item in lost { logger.warning("a lease was lost; its result was not written", metadata: describe(item)) }
        return round
    }

    func prolong(_ items: [WorkItem], isWaiting: Bool) async throws -> (leaseEnd: Timestamp, held: Set<Int>) {
        try await engine.write { [queue, time] transaction in
            let leaseEnd = time.now() + Lease.duration
            return (leaseEnd, try queue.extend(items, until: leaseEnd, isWaiting: isWaiting, in: transaction))
        }
    }

    func perform(_ item: WorkItem) async -> Report {
        Report(item: item, outcome: await outcome(of: item))
    }

    private func outcome(of item: WorkItem) async -> WorkOutcome {
        guard let handler = byKind[item.kind] else { return .again(at: time.now()) }
        do {
            let outcome = try await handler.work(item)
            if case .retry(let error) = outcome { noteRetry(item, error) }
            return outcome
        } catch WorkQueueError.leaseLost {
            logger.warning("a lease was lost; its result was not written", metadata: describe(item))
            return .settled
        } catch {
            if Task.isCancelled { return .again(at: time.now()) }
            noteRetry(item, "\(error)")
            return .retry("\(error)")
        }
    }

    /// Returns those whose lease was lost.
    private func settle(
        _ reports: [Report], at now: Timestamp, in transaction: any Transaction
    ) throws -> [WorkItem] {
        let done = reports.filter { if case .done = $0.outcome { true } else { false } }.map(\.item)
        var lost = try queue.complete(done, at: now, in: transaction)
        for report in reports {
            let item = report.item
            do {
                switch report.outcome {
                case .settled, .done: break
                case .retry(let error):
                    let backoff = byKind[item.kind]?.backoff ?? WorkHandler.exponentialBackoff
                    try queue.reschedule(item, at: now + backoff(item.attempt), now: now, error: error, in: transaction)
                case .again(let next):
                    try queue.reschedule(item, at: next, now: now, resetsAttempts: true, in: transaction)
                case .bury(let error): try queue.bury(item, error: error, at: now, in: transaction)
                }
            } catch WorkQueueError.leaseLost {
                lost.append(item)
            }
        }
        return lost
    }

    private func noteRetry(_ item: WorkItem, _ error: String) {
        logger.warning("work is tried again", metadata: describe(item).merging(["error": "\(error)"]) { $1 })
    }

    private func describe(_ item: WorkItem) -> Logger.Metadata {
        ["kind": "\(item.kind)", "key": "\(item.key)", "attempt": "\(item.attempt)"]
    }
}
