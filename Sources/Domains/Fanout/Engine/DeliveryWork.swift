import CausewayCore
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
    let places: Int
    let queue: DeliveryQueue
    let recorder: AttemptRecorder
    let sender: DeliverySender
    let attempts = CounterTable(
        "causeway_delivery_attempts_total",
        "Attempts at deliveries by the delivery's state afterwards (pending: tried again later) and result.",
        labels: ["state", "result"])

    func releaseAbandoned() async throws {
        let released = try await engine.write { [queue, time] in try queue.releaseAbandoned(at: time.now(), in: $0) }
        if released > 0 {
            logger.notice("deliveries left by an earlier process go on", metadata: ["deliveries": "\(released)"])
        }
    }

    func round(_ situation: RoundSituation<ClaimedDelivery, AttemptReport>) async throws -> Round<ClaimedDelivery> {
        let free = situation.isClaiming ? max(0, places - situation.underWay.count) : 0
        guard free > 0 || !situation.reports.isEmpty || !situation.late.isEmpty else {
            return Round(leaseEnd: time.now())
        }
        let (round, recorded) = try await engine.write {
            [self] transaction -> (Round<ClaimedDelivery>, [AttemptRecorder.Recorded]) in
            let now = time.now()
            let leaseEnd = now + Lease.duration
            let recorded = try recorder.record(situation.reports, at: now, in: transaction)
            try queue.extend(situation.late, until: leaseEnd, in: transaction)
            let claimed = try queue.claim(limit: free, at: now, until: leaseEnd, in: transaction)
            return (
                Round(claims: claimed.deliveries, leaseEnd: leaseEnd, nextDue: claimed.nextReady), recorded
            )
        }
        for recorded in recorded {
            count(recorded)
            log(recorded)
        }
        if !recorded.isEmpty { engine.signals.post(DeliveryEngine.recorded) }
        return round
    }

    func prolong(_ claims: [ClaimedDelivery], isWaiting: Bool) async throws -> (leaseEnd: Timestamp, count: Int) {
        try await engine.write { [queue, time] transaction in
            let leaseEnd = time.now() + Lease.duration
            return (leaseEnd, try queue.extend(claims, until: leaseEnd, isWaiting: isWaiting, in: transaction))
        }
    }

    func perform(_ claim: ClaimedDelivery) async -> AttemptReport {
        await sender.attempt(claim)
    }
}
