import CausewayCore
import Events
import Logging
import Storage
import Telemetry
import WorkQueue

/// Attempts at deliveries, as the work of a `RoundLoop`.
struct DeliveryWork: LeasedWork {
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    /// Attempts under way at once in this process.
    let places: DeliveryPlaces
    let queue: DeliveryQueue
    let recorder: AttemptRecorder
    let sender: DeliverySender
    let attempts = CounterTable(
        "causeway_delivery_attempts_total",
        "Attempts at deliveries by the delivery's state afterwards (pending: tried again later) and result.",
        labels: ["state", "result"])
    let changes = CounterTable(
        "causeway_subscription_changes_total",
        "What endpoints' answers did to their subscriptions: failing (announced), disabled, gone (410), answers (again).",
        labels: ["change"])

    func releaseAbandoned() async throws {
        let released = try await engine.write { [queue, time] in try queue.releaseAbandoned(at: time.now(), in: $0) }
        if released > 0 {
            logger.notice("deliveries left by an earlier process go on", metadata: ["deliveries": "\(released)"])
        }
    }

    func round(_ situation: RoundSituation<ClaimedDelivery, AttemptReport>) async throws -> Round<ClaimedDelivery> {
        let room =
            situation.isClaiming
            ? places.room(beside: situation.underWay, at: time.now()) : .none
        guard !room.isEmpty || !situation.reports.isEmpty || !situation.late.isEmpty else {
            return Round(leaseEnd: time.now(), nextDue: room.nextSlow)
        }
        let (round, written) = try await engine.write {
            [self] transaction -> (Round<ClaimedDelivery>, AttemptRecorder.Written) in
            let now = time.now()
            let leaseEnd = now + Lease.duration
            let written = try recorder.record(situation.reports, at: now, in: transaction)
            let prolonged = try queue.extend(situation.late, until: leaseEnd, in: transaction)
            let claimed = try queue.claim(room, at: now, until: leaseEnd, in: transaction)
            try EventLog().append(written.changes.map(\.event), in: transaction)
            return (
                Round(
                    claims: claimed.deliveries, leaseEnd: leaseEnd, prolonged: prolonged, nextDue: claimed.nextReady),
                written
            )
        }
        for recorded in written.attempts {
            count(recorded)
            log(recorded)
        }
        for change in written.changes { log(change) }
        if !written.attempts.isEmpty { engine.signals.post(DeliveryEngine.recorded) }
        return round
    }

    /// A failure moves its lane from queue to queue, and when a thousand endpoints pass the time-out at once, what answers
    /// is not to wait until all that is written down.
    func weight(_ report: AttemptReport) -> Int {
        if case .answered(200..<300, _, _) = report.outcome { 1 } else { 8 }
    }

    func prolong(_ claims: [ClaimedDelivery], isWaiting: Bool) async throws -> (leaseEnd: Timestamp, held: Set<Int>) {
        try await engine.write { [queue, time] transaction in
            let leaseEnd = time.now() + Lease.duration
            return (leaseEnd, try queue.extend(claims, until: leaseEnd, isWaiting: isWaiting, in: transaction))
        }
    }

    func perform(_ claim: ClaimedDelivery) async -> AttemptReport {
        await sender.attempt(claim)
    }
}
