import CausewayCore
import Events
import Storage

/// The deliveries as work: who may claim what when.
///
/// `delivery.visible_at` says when a delivery may be claimed: a claim moves it to the lease's end, so that one whose
/// process died comes back by itself; null while there is nothing to do for it. `fence` counts claims.
///
/// `delivery_lane` has one row for each subscription: `ready_at` is never later than the time at which something in
/// the lane may be claimed, and null where there is nothing. So a claim looks only at lanes whose turn it is, however
/// many deliveries and subscriptions wait: a lane that was served goes to the back of the queue, one with as many
/// attempts under way as it may have leaves it until one of them ends, one that asked to be left alone
/// (`Retry-After`) leaves it until `blocked_until`.
struct DeliveryQueue: Sendable {
    /// Lanes looked at in one claim.
    static let lanes = 128
    /// Attempts of one subscription under way in this process at most, whatever it asks for itself.
    let laneLimit: Int
    private let log = EventLog()
    private let deliveries = DeliveryStore()

    init(laneLimit: Int) { self.laneLimit = laneLimit }

    private struct Lane {
        let subscription: Subscription
        let free: Int
    }

    /// Takes up to `limit` due deliveries until `leaseEnd`, shared evenly among the subscriptions.
    func claim(
        limit: Int, at now: Timestamp, until leaseEnd: Timestamp, in transaction: any Transaction
    ) throws -> [ClaimedDelivery] {
        let lanes = try readyLanes(limit: min(limit, Self.lanes), at: now, in: transaction)
        guard !lanes.isEmpty else { return [] }
        let shares = LaneShares.divide(limit, among: lanes.map(\.free))
        let rows = try take(zip(lanes, shares).filter { $1 > 0 }, at: now, until: leaseEnd, in: transaction)
        let events = try log.envelopes(at: Set(rows.map(\.sequence)), in: transaction)
        let subscriptions = Dictionary(uniqueKeysWithValues: lanes.map { ($0.subscription.number, $0.subscription) })
        let claimed = try rows.map { row in
            guard let subscription = subscriptions[row.subscription], let event = events[row.sequence] else {
                throw StorageError.failed(detail: "delivery \(row.number) has no event")
            }
            return ClaimedDelivery(
                number: DeliveryNumber(row.number), fence: row.fence, attempt: row.attempts + 1, step: row.step,
                subscription: subscription, event: event)
        }
        let taken = Dictionary(grouping: rows, by: \.subscription).mapValues(\.count)
        let full = lanes.filter { $0.free <= taken[$0.subscription.number, default: 0] }.map(\.subscription.number)
        let open = lanes.map(\.subscription.number).filter { !full.contains($0) }
        try moveOn(open, at: now, in: transaction)
        try waitForEnd(full, in: transaction)
        return claimed
    }

    /// When the next lane's turn comes; nil where all are empty.
    func nextReady(in transaction: any Transaction) throws -> Timestamp? {
        try transaction.row(
            "SELECT ready_at FROM delivery_lane WHERE ready_at IS NOT NULL ORDER BY ready_at LIMIT 1")?["ready_at"]
    }

    /// Makes due what an earlier process of a single-process database had under way when it died.
    func releaseAbandoned(at now: Timestamp, in transaction: any Transaction) throws -> Int {
        guard transaction.dialect.isSingleProcess else { return 0 }
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = CASE WHEN blocked_until > \(now) THEN blocked_until ELSE CAST(\(now) AS BIGINT) END
            WHERE subscription_number IN (SELECT subscription_number FROM delivery WHERE state = 'delivering')
            """)
        return try transaction.execute(
            "UPDATE delivery SET state = 'pending', visible_at = \(now) WHERE state = 'delivering'")
    }

    /// Puts lanes back to where their next delivery is due, at the back of the queue where that is now.
    func moveOn(_ lanes: [Int64], at now: Timestamp, in transaction: any Transaction) throws {
        guard !lanes.isEmpty else { return }
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = (
                SELECT CASE
                    WHEN delivery_lane.blocked_until > \(now) AND delivery_lane.blocked_until > d.visible_at
                        THEN delivery_lane.blocked_until
                    WHEN d.visible_at < \(now) THEN CAST(\(now) AS BIGINT)
                    ELSE d.visible_at END
                FROM delivery d
                WHERE d.subscription_number = delivery_lane.subscription_number AND d.visible_at IS NOT NULL
                ORDER BY d.visible_at LIMIT 1)
            WHERE subscription_number IN \(query: BatchRows.numbers(lanes))
            """)
    }

    /// Nothing of the lane before the time goes by, what is due included.
    func block(_ lane: Int64, until time: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery_lane SET blocked_until = \(time)
            WHERE subscription_number = \(lane) AND blocked_until < \(time)
            """)
    }

    /// Takes full lanes out until an attempt ends; should its process die, until its lease does.
    private func waitForEnd(_ lanes: [Int64], in transaction: any Transaction) throws {
        guard !lanes.isEmpty else { return }
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = (
                SELECT d.visible_at FROM delivery d
                WHERE d.subscription_number = delivery_lane.subscription_number AND d.state = 'delivering'
                ORDER BY d.visible_at LIMIT 1)
            WHERE subscription_number IN \(query: BatchRows.numbers(lanes))
            """)
    }

    private func readyLanes(limit: Int, at now: Timestamp, in transaction: any Transaction) throws -> [Lane] {
        let rows = try transaction.rows(
            """
            SELECT s.*, (
                SELECT COUNT(*) FROM delivery d
                WHERE d.subscription_number = l.subscription_number AND d.state = 'delivering'
                  AND d.visible_at > \(now)) AS under_way
            FROM (
                SELECT subscription_number, ready_at FROM delivery_lane WHERE ready_at <= \(now)
                ORDER BY ready_at LIMIT \(limit) \(query: transaction.dialect.skipLocked)) l
            JOIN subscription s ON s.number = l.subscription_number
            ORDER BY l.ready_at
            """)
        return try rows.compactMap { row in
            let subscription = try Subscription(row: row)
            let underWay: Int = try row["under_way"]
            guard subscription.enabled else {
                // Disabled by another process while a delivery was being written.
                try deliveries.hold(subscription.number, in: transaction)
                return nil
            }
            return Lane(
                subscription: subscription, free: max(0, min(subscription.terms.maxInFlight, laneLimit) - underWay))
        }
    }

    private struct TakenRow: RowDecodable {
        let number: Int64, sequence: Int64, subscription: Int64, fence: Int64
        let attempts: Int, step: Int

        init(row: ResultRow) throws {
            number = try row["number"]
            sequence = try row["event_sequence"]
            subscription = try row["subscription_number"]
            fence = try row["fence"]
            attempts = try row["attempts"]
            step = try row["step"]
        }
    }

    private func take(
        _ lanes: [(lane: Lane, share: Int)], at now: Timestamp, until leaseEnd: Timestamp,
        in transaction: any Transaction
    ) throws -> [TakenRow] {
        guard !lanes.isEmpty else { return [] }
        func dueOf(_ subscription: Int64, _ share: Int) -> SQLQuery {
            """
            SELECT number FROM (
                SELECT number FROM delivery
                WHERE subscription_number = \(subscription) AND visible_at <= \(now)
                ORDER BY visible_at, number LIMIT \(share)) AS due
            """
        }
        let due = BatchRows.joined(
            lanes.map { dueOf($0.lane.subscription.number, $0.share) }, filler: dueOf(-1, 0), by: " UNION ALL ")
        let rows: [TakenRow] = try transaction.all(
            """
            UPDATE delivery SET state = 'delivering', visible_at = \(leaseEnd), fence = fence + 1
            WHERE number IN (\(query: due))
            RETURNING number, event_sequence, subscription_number, fence, attempts, step
            """)
        return rows.sorted { $0.number < $1.number }
    }
}
