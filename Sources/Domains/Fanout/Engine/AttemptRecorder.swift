import CausewayCore
import Storage

/// Writes down how attempts went and what follows, a batch in a few statements of one transaction. What was reported
/// under a lease that somebody else has by now is refused, and so is what is there already.
struct AttemptRecorder: Sendable {
    let queue: DeliveryQueue
    let schedule: RetrySchedule
    private let store = DeliveryStore()
    private let subscriptions = SubscriptionStore()

    init(queue: DeliveryQueue, schedule: RetrySchedule) {
        self.queue = queue
        self.schedule = schedule
    }

    /// What was written, for the log.
    struct Recorded: Sendable {
        let report: AttemptReport
        /// Nil where the lease was lost and nothing was written.
        let state: Delivery.State?
        let nextAttemptAt: Timestamp?
    }

    func record(_ reports: [AttemptReport], at now: Timestamp, in transaction: any Transaction) throws -> [Recorded] {
        guard !reports.isEmpty else { return [] }
        let verdicts = reports.map { report in
            DeliveryVerdict(
                of: report, schedule: report.delivery.subscription.terms.retrySchedule ?? schedule, now: now)
        }
        let judged = zip(reports, verdicts).filter { $1.countsAsAttempt }
        let states = try settle(Array(judged), at: now, in: transaction)
        try insert(reports.filter { states[$0.delivery.number.value] != nil }, in: transaction)
        var lanes: Set<Int64> = []
        for (report, verdict) in zip(reports, verdicts) {
            let lane = report.delivery.subscription.number
            lanes.insert(lane)
            if case .givenBack(let time) = verdict { try giveBack(report.delivery, at: time, in: transaction) }
            guard states[report.delivery.number.value] != nil else { continue }
            if let wait = report.putsOffLane { try queue.block(lane, until: now + wait, in: transaction) }
            if verdict == .gone {
                try subscriptions.setEnabled(false, lane, in: transaction)
                try store.hold(lane, in: transaction)
            }
        }
        try queue.moveOn(lanes.sorted(), at: now, in: transaction)
        transaction.signal(DeliveryEngine.recorded)
        return zip(reports, verdicts).map { report, verdict in
            let state = states[report.delivery.number.value]
            return Recorded(
                report: report, state: state, nextAttemptAt: state == .pending ? verdict.nextAttemptAt : nil)
        }
    }

    /// Moves the deliveries on; returns the states of those whose lease still held.
    private func settle(
        _ judged: [(report: AttemptReport, verdict: DeliveryVerdict)], at now: Timestamp,
        in transaction: any Transaction
    ) throws -> [Int64: Delivery.State] {
        guard !judged.isEmpty else { return [:] }
        let rows = judged.map { report, verdict -> SQLQuery in
            let delivery = report.delivery
            return """
                (CAST(\(delivery.number.value) AS BIGINT), CAST(\(delivery.fence) AS BIGINT),
                 CAST(\(delivery.attempt) AS BIGINT), \(verdict.state), CAST(\(verdict.nextAttemptAt) AS BIGINT),
                 CAST(\(report.statusCode) AS BIGINT), \(report.error))
                """
        }
        let filler: SQLQuery = """
            (CAST(-1 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT), '', CAST(NULL AS BIGINT), CAST(NULL AS BIGINT), NULL)
            """
        // A subscription that was disabled or deleted meanwhile has set the state already: only a success, or the
        // end of what is not cancelled, still changes it.
        let settled = try transaction.rows(
            """
            WITH result (number, fence, attempt, state, next_at, status_code, error) AS (
                VALUES \(query: BatchRows.joined(rows, filler: filler)))
            UPDATE delivery SET
                state = CASE WHEN r.state = 'delivered' OR delivery.state = 'delivering'
                                  OR (r.state = 'failed' AND delivery.state <> 'cancelled')
                             THEN r.state ELSE delivery.state END,
                visible_at = CASE WHEN delivery.state = 'delivering' THEN r.next_at
                                  WHEN r.state IN ('delivered', 'failed') THEN NULL ELSE delivery.visible_at END,
                attempts = r.attempt,
                step = delivery.step + 1,
                last_status_code = r.status_code, last_error = r.error,
                ended_at = CASE WHEN r.state = 'delivered' OR (r.state = 'failed' AND delivery.state <> 'cancelled')
                                THEN CAST(\(now) AS BIGINT) ELSE delivery.ended_at END
            FROM result r
            WHERE delivery.number = r.number AND delivery.fence = r.fence AND delivery.attempts = r.attempt - 1
            RETURNING delivery.number AS number, delivery.state AS state
            """)
        return Dictionary(
            uniqueKeysWithValues: try settled.map { row -> (Int64, Delivery.State) in
                (try row["number"], try row["state"])
            })
    }

    private func insert(_ reports: [AttemptReport], in transaction: any Transaction) throws {
        guard !reports.isEmpty else { return }
        let rows = reports.map { report -> SQLQuery in
            """
            (CAST(\(report.delivery.number.value) AS BIGINT), CAST(\(report.delivery.attempt) AS BIGINT),
             CAST(\(report.startedAt) AS BIGINT), CAST(\(report.duration.wholeMilliseconds) AS BIGINT),
             CAST(\(report.statusCode) AS BIGINT), \(report.error), \(report.errorDetail), \(report.responseText),
             \(report.remoteAddress))
            """
        }
        let filler: SQLQuery = """
            (CAST(-1 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(0 AS BIGINT), CAST(NULL AS BIGINT), NULL,
             NULL, NULL, NULL)
            """
        try transaction.execute(
            """
            WITH attempt (delivery_number, number, started_at, duration_ms, status_code, error, error_detail,
                          response_body, remote_address) AS (
                VALUES \(query: BatchRows.joined(rows, filler: filler)))
            INSERT INTO delivery_attempt (delivery_number, number, started_at, duration_ms, status_code, error,
                                          error_detail, response_body, remote_address)
            SELECT delivery_number, number, started_at, duration_ms, status_code, error, error_detail,
                   response_body, remote_address
            FROM attempt WHERE delivery_number > 0
            """)
    }

    private func giveBack(_ delivery: ClaimedDelivery, at time: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'pending', visible_at = \(time)
            WHERE number = \(delivery.number.value) AND fence = \(delivery.fence) AND state = 'delivering'
            """)
    }
}

extension DeliveryVerdict {
    var countsAsAttempt: Bool { if case .givenBack = self { false } else { true } }

    var state: Delivery.State {
        switch self {
        case .delivered: .delivered
        case .retry, .givenBack: .pending
        case .failed, .gone: .failed
        }
    }

    var nextAttemptAt: Timestamp? {
        switch self {
        case .retry(let time), .givenBack(let time): time
        case .delivered, .failed, .gone: nil
        }
    }
}

extension AttemptReport {
    var statusCode: Int? { if case .answered(let status, _, _) = outcome { status } else { nil } }

    var error: AttemptError? { if case .unanswered(let error, _) = outcome { error } else { nil } }

    var errorDetail: String? { if case .unanswered(_, let detail) = outcome { detail } else { nil } }

    /// What can be read of the answer's beginning, no more than 4 KiB as text. NUL, which PostgreSQL cannot keep, and
    /// what is no UTF-8 are replaced.
    var responseText: String? {
        if case .answered(_, let body, _) = outcome { Self.text(of: body) } else { nil }
    }

    static func text(of body: [UInt8]) -> String {
        var text = ""
        var size = 0
        for scalar in String(decoding: body.prefix(DeliveryAttempt.responseLimit), as: UTF8.self).unicodeScalars {
            let kept = scalar == "\0" ? "\u{FFFD}" : scalar
            size += UTF8.width(kept)
            guard size <= DeliveryAttempt.responseLimit else { break }
            text.unicodeScalars.append(kept)
        }
        return text
    }
}
