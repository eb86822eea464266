public import CausewayCore
public import Logging
public import OutboundHTTP
public import Storage
import Synchronization

/// Sends what is due to every subscription, in parallel.
///
///         ┌──────────── one transaction a round ───────────┐
///     wait│record what came in · claim what there is room for│──▶ attempts, each in a task ──▶ reports ─┐
///      ▲  └────────────────────────────────────────────────┘                                       │
///      └──────────────────────── woken by a report, by new deliveries, by time ◀────────────────────┘
///
/// While a round is being committed further reports gather, so rounds grow with the load by themselves.
///
/// Invariants: nothing is sent without a lease that outlives the attempt; a report is written only under the same
/// lease; nothing more is claimed while reports cannot be written; after `stop` nothing is claimed, and what is under
/// way is let finish and written down; what a dead process had under way comes back.
public final class DeliveryEngine: Sendable {
    /// New or released deliveries.
    public static let topic: SignalTopic = "deliveries"
    /// Attempts were written down.
    public static let recorded: SignalTopic = "delivery-attempts"

    public struct Settings: Sendable {
        /// For subscriptions without one of their own.
        public var retrySchedule: RetrySchedule
        /// Of one attempt, from the name's resolution to the last byte that is read of the answer.
        public var timeout: Duration
        /// Which addresses may be connected to.
        public var egress: EgressPolicy
        /// `Causeway/1.0.0`
        public var userAgent: String
        /// Attempts under way at once in this process.
        public var places: Int

        public static let defaultRetrySchedule = RetrySchedule(
            [5, 30, 2 * 60, 15 * 60, 3600, 4 * 3600, 12 * 3600, 24 * 3600].map { Duration.seconds($0) })

        public init(
            retrySchedule: RetrySchedule = Self.defaultRetrySchedule, timeout: Duration = .seconds(15),
            egress: EgressPolicy = .publicOnly, userAgent: String, places: Int = 1024
        ) {
            self.retrySchedule = retrySchedule
            self.timeout = timeout
            self.egress = egress
            self.userAgent = userAgent
            self.places = places
        }
    }

    private struct State {
        var isStopping = false
        var waker: SignalSubscription?
        var underWay = 0
        var reports: [AttemptReport] = []
    }

    private struct Round: Sendable {
        var recorded: [AttemptRecorder.Recorded]
        var claimed: [ClaimedDelivery]
        var nextReady: Timestamp?
    }

    private let engine: any StorageEngine
    private let time: any TimeSource
    let logger: Logger
    private let places: Int
    /// Longer than an attempt can last, and than writing its report should.
    private let lease: Duration
    private let queue: DeliveryQueue
    private let recorder: AttemptRecorder
    private let sender: DeliverySender
    private let state = Mutex(State())

    /// - Parameter client: its loop runs for as long as `run` does.
    public init(
        engine: any StorageEngine, client: OutboundHTTPClient, time: any TimeSource, logger: Logger, settings: Settings
    ) {
        self.engine = engine
        self.time = time
        self.logger = logger
        places = max(1, settings.places)
        lease = settings.timeout * 2 + .seconds(30)
        // Whatever it allows itself, one subscription never has more than half of the places.
        queue = DeliveryQueue(laneLimit: max(1, places / 2))
        recorder = AttemptRecorder(queue: queue, schedule: settings.retrySchedule)
        sender = DeliverySender(
            client: client, time: time, egress: settings.egress, timeout: settings.timeout,
            userAgent: settings.userAgent)
    }

    /// Claims nothing more; `run` returns when what is under way has ended and is written down.
    public func stop() {
        state.withLock { state in
            state.isStopping = true
            return state.waker
        }?.signal()
    }

    /// Until `stop` (what is under way finishes) or cancellation (it is cut off and given back). Once only.
    public func run() async throws {
        let released = try await engine.write { [queue, time] in try queue.releaseAbandoned(at: time.now(), in: $0) }
        if released > 0 {
            logger.notice("deliveries left by an earlier process go on", metadata: ["deliveries": "\(released)"])
        }
        await engine.signals.withSubscription(to: [Self.topic]) { waker in
            state.withLock { $0.waker = waker }
            await withDiscardingTaskGroup { attempts in
                while !Task.isCancelled {
                    let (reports, underWay, isStopping) = takeReports()
                    if isStopping, underWay == 0, reports.isEmpty { return }
                    let free = isStopping ? 0 : places - underWay
                    var wakeAt = time.now() + .seconds(2)
                    if free > 0 || !reports.isEmpty {
                        guard let round = await makeRound(reports, free: free) else {
                            _ = try? await waker.next(until: time.now() + .seconds(1), by: time)
                            continue
                        }
                        for delivery in round.claimed {
                            attempts.addTask { [self] in
                                let report = await sender.attempt(delivery)
                                state.withLock { $0.reports.append(report) }
                                waker.signal()
                            }
                        }
                        // Perhaps these were the last.
                        if isStopping { continue }
                        if free > round.claimed.count, let next = round.nextReady { wakeAt = min(wakeAt, next) }
                    }
                    if wakeAt > time.now() { _ = try? await waker.next(until: wakeAt, by: time) }
                }
            }
        }
        // Only after a cancellation is there something left: attempts that were cut off.
        let reports = takeReports().reports
        if !reports.isEmpty { _ = await makeRound(reports, free: 0) }
    }

    private func takeReports() -> (reports: [AttemptReport], underWay: Int, isStopping: Bool) {
        state.withLock { state in
            defer { state.reports = [] }
            state.underWay -= state.reports.count
            return (state.reports, state.underWay, state.isStopping)
        }
    }

    /// Nil where nothing was written; the reports are then kept for the next round.
    private func makeRound(_ reports: [AttemptReport], free: Int) async -> Round? {
        do {
            let round = try await engine.write { [queue, recorder, time, lease] transaction in
                let now = time.now()
                let recorded = try recorder.record(reports, at: now, in: transaction)
                let claimed =
                    free > 0 ? try queue.claim(limit: free, at: now, until: now + lease, in: transaction) : []
                return Round(
                    recorded: recorded, claimed: claimed, nextReady: try queue.nextReady(in: transaction))
            }
            state.withLock { $0.underWay += round.claimed.count }
            for recorded in round.recorded { log(recorded) }
            return round
        } catch {
            state.withLock { state in
                state.reports += reports
                state.underWay += reports.count
            }
            logger.error(
                "deliveries could not be claimed or written down; trying again",
                metadata: ["reports": "\(reports.count)", "error": "\(error)"])
            return nil
        }
    }
}
