import CausewayCore
import Storage

/// The rows of `delivery_lane`, one for each subscription: whose turn it is, at what pace, and how its endpoint fares.
struct DeliveryLanes: Sendable {
    /// Of a lane for which there is no place.
    private static let nap = Duration.seconds(2)

    /// Waits for lanes in the one order; until the transaction's end nobody else claims in them or adds to them.
    func lock(_ lanes: some Collection<Int64>, in transaction: any Transaction) throws {
        // SQLite's one writer has them already.
        guard !lanes.isEmpty, !transaction.dialect.isSingleProcess else { return }
        _ = try transaction.rows(
            """
            SELECT subscription_number FROM delivery_lane
            WHERE subscription_number IN \(query: BatchRows.numbers(lanes))
            ORDER BY subscription_number \(query: transaction.dialect.forUpdate)
            """)
    }

    /// The same, and how they fare.
    func lockedHealth(
        of lanes: some Collection<Int64>, in transaction: any Transaction
    ) throws -> [Int64: LaneHealth] {
        let rows = try transaction.rows(
            """
            SELECT subscription_number, pace, failures, failing_since, warned_at, probe_at, answers_since
            FROM delivery_lane WHERE subscription_number IN \(query: BatchRows.numbers(lanes))
            ORDER BY subscription_number \(query: transaction.dialect.forUpdate)
            """)
        return Dictionary(
            uniqueKeysWithValues: try rows.map { (try $0["subscription_number"], try LaneHealth(row: $0)) })
    }

    /// Of locked lanes.
    func write(_ health: [Int64: LaneHealth], in transaction: any Transaction) throws {
        guard !health.isEmpty else { return }
        let rows = health.sorted { $0.key < $1.key }.map { lane, health -> SQLQuery in
            """
            (CAST(\(lane) AS BIGINT), CAST(\(health.pace) AS BIGINT), CAST(\(health.failures) AS BIGINT),
             CAST(\(health.failingSince) AS BIGINT), CAST(\(health.warnedAt) AS BIGINT),
             CAST(\(health.probeAt) AS BIGINT), CAST(\(health.answersSince) AS BIGINT))
            """
        }
        try transaction.execute(
            """
            WITH lane (number, pace, failures, failing_since, warned_at, probe_at, answers_since) AS (
                VALUES \(query: BatchRows.joined(rows, filler: [-1, 0, 0, nil, nil, nil, nil])))
            UPDATE delivery_lane SET
                pace = lane.pace, failures = lane.failures, failing_since = lane.failing_since,
                warned_at = lane.warned_at, probe_at = lane.probe_at, answers_since = lane.answers_since
            FROM lane WHERE delivery_lane.subscription_number = lane.number
            """)
    }

    /// Forgets how an endpoint has failed.
    func forgive(_ lane: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery_lane SET failures = 0, failing_since = NULL, warned_at = NULL, answers_since = NULL
            WHERE subscription_number = \(lane)
            """)
    }

    /// One that is enabled begins slowly and with a clean sheet: a backlog must not flatten who has just come back.
    func welcome(_ lane: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery_lane SET blocked_until = 0, pace = 1, failures = 0, failing_since = NULL,
                                     warned_at = NULL, probe_at = NULL, answers_since = NULL
            WHERE subscription_number = \(lane)
            """)
    }

    /// A walk over a locked lane's deliveries takes the place of earlier ones; nil: there is nothing left to walk over.
    func beginWalk(_ id: String?, of lane: Int64, in transaction: any Transaction) throws {
        try transaction.execute("UPDATE delivery_lane SET walk = \(id) WHERE subscription_number = \(lane)")
    }

    func endWalk(_ id: String, of lane: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE delivery_lane SET walk = NULL WHERE subscription_number = \(lane) AND walk = \(id)")
    }

    /// A disabled subscription is not tried any more.
    func stopProbing(_ lane: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE delivery_lane SET probe_at = NULL, answers_since = NULL WHERE subscription_number = \(lane)")
    }

    /// Puts locked lanes back to where their next delivery is due, at the back of the queue where that is now.
    /// - Parameters:
    ///   - full: those whose turn comes when an attempt ends; should its process die, when its lease does. The oldest
    ///     delivery of one in trouble does not wait for that, unless it was due and could not be taken.
    ///   - crowded: those for which there is no place here; they are looked at again after a while.
    func moveOn(
        _ lanes: some Collection<Int64>, full: Set<Int64> = [], crowded: Set<Int64> = [], at now: Timestamp,
        in transaction: any Transaction
    ) throws {
        guard !lanes.isEmpty else { return }
        let rows = lanes.map { lane -> SQLQuery in
            """
            (CAST(\(lane) AS BIGINT), CAST(\(full.contains(lane)) AS BIGINT), CAST(\(crowded.contains(lane)) AS BIGINT))
            """
        }
        try transaction.execute(
            """
            WITH lane (number, is_full, is_crowded) AS (
                VALUES \(query: BatchRows.joined(rows, filler: [-1, 0, 0])))
            UPDATE delivery_lane SET is_full = CASE WHEN lane.is_crowded = 1 THEN 1 ELSE lane.is_full END,
            ready_at = COALESCE(CASE WHEN lane.is_crowded = 1 THEN CAST(\(now + Self.nap) AS BIGINT)
            WHEN lane.is_full = 1 THEN (
                SELECT COALESCE(MIN(turn.at), CAST(\(now + .seconds(1)) AS BIGINT)) FROM (
                    SELECT leased.visible_at AS at FROM (
                        SELECT d.visible_at FROM delivery d
                        WHERE d.subscription_number = delivery_lane.subscription_number AND d.state = 'delivering'
                        ORDER BY d.visible_at LIMIT 1) AS leased
                    UNION ALL
                    SELECT CASE WHEN delivery_lane.blocked_until > oldest.visible_at
                                THEN delivery_lane.blocked_until ELSE oldest.visible_at END AS at
                    FROM (
                        SELECT d.visible_at FROM delivery d
                        WHERE d.subscription_number = delivery_lane.subscription_number AND d.ended_at IS NULL
                        ORDER BY d.number LIMIT 1) AS oldest
                    WHERE delivery_lane.pace > 0 AND oldest.visible_at > \(now)) AS turn)
            ELSE (
                SELECT CASE
                    WHEN delivery_lane.blocked_until > \(now) AND delivery_lane.blocked_until > d.visible_at
                        THEN delivery_lane.blocked_until
                    WHEN d.visible_at < \(now) THEN CAST(\(now) AS BIGINT)
                    ELSE d.visible_at END
                FROM delivery d
                WHERE d.subscription_number = delivery_lane.subscription_number AND d.visible_at IS NOT NULL
                ORDER BY d.visible_at LIMIT 1) END, delivery_lane.probe_at)
            FROM lane WHERE delivery_lane.subscription_number = lane.number
            """)
    }

    /// Nothing of a locked lane before the time goes by, what is due included.
    func block(_ lane: Int64, until time: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery_lane SET blocked_until = \(time)
            WHERE subscription_number = \(lane) AND blocked_until < \(time)
            """)
    }

    /// Keeps the rates of locked lanes, and lets nothing go before they allow it.
    func write(_ rates: [(lane: Int64, rate: RateLimit)], in transaction: any Transaction) throws {
        guard !rates.isEmpty else { return }
        let rows = rates.map { lane, rate -> SQLQuery in
            "(CAST(\(lane) AS BIGINT), CAST(\(rate.next) AS BIGINT), CAST(\(rate.nextAt) AS BIGINT))"
        }
        try transaction.execute(
            """
            WITH rate (lane, next, next_at) AS (VALUES \(query: BatchRows.joined(rows, filler: [-1, 0, 0])))
            UPDATE delivery_lane SET
                rate_next = rate.next,
                blocked_until = CASE WHEN blocked_until < rate.next_at THEN rate.next_at ELSE blocked_until END
            FROM rate WHERE delivery_lane.subscription_number = rate.lane
            """)
    }

    /// How many lanes of each queue to look at.
    typealias Looked = [LaneHealth.Standing: Int]

    /// Locks lanes whose turn it is, of each queue those that have waited longest, and passes over those another gateway
    /// is at.
    func ready(
        _ looked: Looked, at now: Timestamp, in transaction: any Transaction
    ) throws -> [(lane: Int64, standing: LaneHealth.Standing)] {
        func first(_ standing: LaneHealth.Standing) -> SQLQuery {
            """
            SELECT subscription_number, standing FROM (
                SELECT subscription_number, \(standing) AS standing FROM delivery_lane
                WHERE \(query: Self.condition(standing)) AND ready_at <= \(now)
                ORDER BY ready_at LIMIT \(looked[standing] ?? 0) \(query: transaction.dialect.skipLocked)) AS ready
            """
        }
        return try transaction.rows(LaneHealth.Standing.allCases.map(first).joined(by: " UNION ALL ")).map {
            (try $0["subscription_number"], try $0["standing"])
        }
    }

    /// When the next lane's turn comes, of those queues that are asked for; nil where all are empty.
    func nextReady(
        _ standings: [LaneHealth.Standing], in transaction: any Transaction
    ) throws -> Timestamp? {
        func first(_ standing: LaneHealth.Standing) -> SQLQuery {
            """
            SELECT ready_at FROM (
                SELECT ready_at FROM delivery_lane
                WHERE \(query: Self.condition(standing)) AND ready_at IS NOT NULL
                ORDER BY ready_at LIMIT \(standings.contains(standing))) AS ready
            """
        }
        return try transaction.row(
            """
            SELECT MIN(ready_at) AS ready_at FROM (
                \(query: LaneHealth.Standing.allCases.map(first).joined(by: " UNION ALL "))) AS lanes
            """)?["ready_at"]
    }

    /// Which lanes stand in a queue, as its index says it.
    static func condition(_ standing: LaneHealth.Standing) -> SQLQuery {
        switch standing {
        case .answering: "pace = 0"
        case .trying: "pace > 0 AND failures = 0"
        case .failing: "pace > 0 AND failures > 0"
        }
    }

    /// Locked lanes in their order, with their subscriptions and how much is under way; deleted ones are left out.
    func rows(of lanes: [Int64], at now: Timestamp, in transaction: any Transaction) throws -> [ResultRow] {
        try transaction.rows(
            """
            \(query: SubscriptionStore.columns), l.blocked_until, l.rate_next, l.walk, (
                SELECT COUNT(*) FROM delivery d
                WHERE d.subscription_number = s.number AND d.state = 'delivering'
                  AND d.visible_at > \(now)) AS under_way,
                CASE WHEN l.pace > 0 THEN COALESCE((
                    SELECT CASE WHEN d.visible_at <= \(now) THEN 1 ELSE 0 END FROM delivery d
                    WHERE d.subscription_number = s.number AND d.ended_at IS NULL
                    ORDER BY d.number LIMIT 1), 0) ELSE 0 END AS is_oldest_due
            \(query: SubscriptionStore.tables) WHERE s.number IN \(query: BatchRows.numbers(lanes))
            """)
    }
}
