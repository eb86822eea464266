import CausewayCore
import OutboundHTTP
import Storage

/// Writes down how attempts went and what follows, a batch in a few statements of one transaction. What was reported
/// under a lease that somebody else has by now is refused, and so is what is there already.
struct AttemptRecorder: Sendable {
    let schedule: RetrySchedule
    let watch: SubscriptionWatch
    private let lanes = DeliveryLanes()
    private let order = DeliveryOrder()
    private let subscriptions = SubscriptionStore()

    init(schedule: RetrySchedule, watch: SubscriptionWatch) {
        self.schedule = schedule
        self.watch = watch
    }

    /// What was written, for the log.
    struct Recorded: Sendable {
        let report: AttemptReport
        /// Nil where the lease was lost and nothing was written.
        let state: Delivery.State?
        let nextAttemptAt: Timestamp?
    }

    /// What a batch came to.
    struct Written: Sendable {
        var attempts: [Recorded] = []
        /// Their events are to be published at the transaction's end: until the commit nobody else publishes.
        var changes: [SubscriptionChange] = []
    }

    func record(_ reports: [AttemptReport], at now: Timestamp, in transaction: any Transaction) throws -> Written {
        guard !reports.isEmpty else { return Written() }
        let judged = reports.map { report in
            JudgedAttempt(
                report: report,
                verdict: DeliveryVerdict(
                    of: report, schedule: report.delivery.subscription.terms.retrySchedule ?? schedule, now: now))
        }
        let numbers = Set(judged.map(\.lane)).sorted()
        let locked = watch.mayChange(judged, at: now)
        try subscriptions.lock(locked.sorted(), in: transaction)
        let health = try lanes.lockedHealth(of: numbers, in: transaction)
        let settled = try settle(judged, at: now, in: transaction)
        let states = settled.states
        let written = judged.filter { $0.verdict.countsAsAttempt && states[ClaimKey($0.report)] != nil }
        try Self.insert(written.map(\.report), in: transaction)
        for attempt in written {
            guard let wait = attempt.report.putsOffLane else { continue }
            try lanes.block(attempt.lane, until: now + wait, in: transaction)
        }
        try order.fallBack(settled.again, in: transaction)
        try order.moveUp(settled.lines, at: now, in: transaction)
        let changes = try watch.follow(written, before: health, locked: locked, at: now, in: transaction)
        try lanes.moveOn(numbers, at: now, in: transaction)
        return Written(
            attempts: judged.map { attempt in
                let state = attempt.verdict.countsAsAttempt ? states[ClaimKey(attempt.report)] : nil
                return Recorded(
                    report: attempt.report, state: state,
                    nextAttemptAt: state == .pending ? attempt.verdict.nextAttemptAt : nil)
            }, changes: changes)
    }

    /// One claim of a delivery: a batch may hold what came of an earlier one, whose lease was lost, as well.
    private struct ClaimKey: Hashable {
        let number: Int64, fence: Int64

        init(_ report: AttemptReport) {
            number = report.delivery.number.value
            fence = report.delivery.fence
        }

        init(row: ResultRow) throws {
            number = try row["number"]
            fence = try row["fence"]
        }
    }

    private struct Settled {
        /// Of those whose lease still held.
        var states: [ClaimKey: Delivery.State] = [:]
        /// In which an attempt has ended, so that the turn may be another's.
        var lines: Set<DeliveryOrder.Line> = []
        /// In a line, and to be tried again.
        var again: [Int64] = []
    }

    /// Moves the deliveries on.
    private func settle(
        _ judged: [JudgedAttempt], at now: Timestamp, in transaction: any Transaction
    ) throws -> Settled {
        let rows = judged.map { attempt -> SQLQuery in
            let (report, verdict) = (attempt.report, attempt.verdict)
            let delivery = report.delivery
            let isStep = verdict.countsAsAttempt && !delivery.isProbe
            return """
                (CAST(\(delivery.number.value) AS BIGINT), CAST(\(delivery.fence) AS BIGINT),
                 CAST(\(delivery.attempt) AS BIGINT), CAST(\(verdict.countsAsAttempt) AS BIGINT), CAST(\(isStep) AS BIGINT), \(verdict.state),
                 CAST(\(verdict.nextAttemptAt) AS BIGINT), CAST(\(report.statusCode) AS BIGINT), \(report.error))
                """
        }
        // What is tried again waits where its subscription was disabled meanwhile. A delivery whose lease was over, or
        // whose subscription was deleted, has another state already: only a success, or the end of what is not
        // cancelled, still changes it. The plus keeps SQLite, where results are some hundred, from going through
        // the whole table.
        let changed = try transaction.rows(
            """
            WITH result (number, fence, attempt, counted, stepped, state, next_at, status_code, error) AS (
                VALUES \(query: BatchRows.joined(rows, filler: [-1, 0, 0, 0, 0, "", nil, nil, nil])))
            UPDATE delivery SET
                state = CASE WHEN r.state = 'delivered' OR (r.state = 'failed' AND delivery.state <> 'cancelled')
                                 THEN r.state
                             WHEN delivery.state <> 'delivering' THEN delivery.state
                             WHEN s.enabled = 1 THEN r.state ELSE 'held' END,
                visible_at = CASE WHEN r.state IN ('delivered', 'failed') THEN NULL
                                  WHEN delivery.state <> 'delivering' THEN delivery.visible_at
                                  WHEN s.enabled = 1 THEN r.next_at END,
                held_at = CASE WHEN r.state IN ('delivered', 'failed') OR s.enabled = 1 THEN NULL
                               ELSE COALESCE(delivery.held_at, \(now)) END,
                attempts = delivery.attempts + r.counted,
                step = delivery.step + r.stepped,
                last_status_code = CASE WHEN r.counted = 1 THEN r.status_code ELSE delivery.last_status_code END,
                last_error = CASE WHEN r.counted = 1 THEN r.error ELSE delivery.last_error END,
                ended_at = CASE WHEN r.state = 'delivered' OR (r.state = 'failed' AND delivery.state <> 'cancelled')
                                THEN CAST(\(now) AS BIGINT) ELSE delivery.ended_at END
            FROM result r, subscription s
            WHERE delivery.number = r.number AND delivery.fence = r.fence AND delivery.attempts = r.attempt - 1
              AND s.number = +delivery.subscription_number
            RETURNING delivery.number AS number, delivery.fence AS fence, delivery.state AS state,
                delivery.subscription_number AS subscription_number, delivery.order_key AS order_key
            """)
        var settled = Settled()
        for row in changed {
            let state: Delivery.State = try row["state"]
            settled.states[try ClaimKey(row: row)] = state
            guard let key: String = try row["order_key"] else { continue }
            settled.lines.insert(.init(subscription: try row["subscription_number"], key: key))
            if state == .pending { settled.again.append(try row["number"]) }
        }
        return settled
    }

    static func insert(_ reports: [AttemptReport], in transaction: any Transaction) throws {
        guard !reports.isEmpty else { return }
        let rows = reports.map { report -> SQLQuery in
            """
            (CAST(\(report.delivery.number.value) AS BIGINT), CAST(\(report.delivery.attempt) AS BIGINT),
             CAST(\(report.startedAt) AS BIGINT), CAST(\(report.duration.wholeMilliseconds) AS BIGINT),
             CAST(\(report.statusCode) AS BIGINT), \(report.error), \(report.errorDetail), \(report.responseText),
             \(report.remoteAddress), CAST(\(report.timings.resolved?.wholeMilliseconds) AS BIGINT),
             CAST(\(report.timings.connected?.wholeMilliseconds) AS BIGINT),
             CAST(\(report.timings.firstByte?.wholeMilliseconds) AS BIGINT))
            """
        }
        try transaction.execute(
            """
            WITH attempt (delivery_number, number, started_at, duration_ms, status_code, error, error_detail,
                          response_body, remote_address, resolve_ms, connect_ms, first_byte_ms) AS (
                VALUES \(query: BatchRows.joined(rows, filler: [-1, 0, 0, 0, nil, nil, nil, nil, nil, nil, nil, nil])))
            INSERT INTO delivery_attempt (delivery_number, number, started_at, duration_ms, status_code, error,
                                          error_detail, response_body, remote_address, resolve_ms, connect_ms,
                                          first_byte_ms)
            SELECT delivery_number, number, started_at, duration_ms, status_code, error, error_detail,
                   response_body, remote_address, resolve_ms, connect_ms, first_byte_ms
            FROM attempt WHERE delivery_number > 0
            """)
    }
}

/// An attempt and what follows from it.
struct JudgedAttempt: Sendable {
    let report: AttemptReport
    let verdict: DeliveryVerdict

    var lane: Int64 { report.delivery.subscription.number }
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

    var errorDetail: String? { if case .unanswered(_, let detail) = outcome { detail.storable } else { nil } }

    /// What can be read of the answer's beginning, no more than 4 KiB as text. NUL, which PostgreSQL cannot keep, and
    /// what is no UTF-8 are replaced.
    var responseText: String? {
        if case .answered(_, let body, _) = outcome { Self.text(of: body) } else { nil }
    }

    static func text(of body: [UInt8]) -> String {
        let whole = String(decoding: body.prefix(DeliveryAttempt.responseLimit), as: UTF8.self).storable
        var text = ""
        var size = 0
        for scalar in whole.unicodeScalars {
            size += UTF8.width(scalar)
            guard size <= DeliveryAttempt.responseLimit else { break }
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}
