import CausewayCore
import Events
import Storage
import WorkQueue

/// The deliveries as work: who may claim what when.
///
/// `delivery.visible_at` says when a delivery may be claimed: a claim moves it to the lease's end, so that one whose
/// process died comes back by itself; null while there is nothing to do for it. `fence` counts claims: with the number
/// it names one claim, so a gateway is known by what it has claimed and needs no name.
///
/// `delivery_lane` has one row for each subscription: `ready_at` is never later than the time at which something in
/// the lane may be claimed, and null where there is nothing. So a claim looks only at lanes whose turn it is, however
/// many deliveries and subscriptions wait: a lane that was served goes to the back of the queue, one with as many
/// attempts under way as it may have leaves it until one of them ends, one that asked to be left alone
/// (`Retry-After`) leaves it until `blocked_until`.
///
/// Several gateways at once: each statement sees what was committed before it. So whoever claims in a lane, writes down
/// how attempts in it went, or adds to it, locks its row first, and counts and takes in later statements. All lock in one
/// order: cursor of the event log, subscription, lane (several by their number), delivery. A claim and a heartbeat wait
/// for nobody: they pass over what is locked.
struct DeliveryQueue: Sendable {
    /// Lanes looked at in one claim.
    static let lanes = 128
    /// Attempts of one subscription under way in this process at most, whatever it asks for itself.
    let laneLimit: Int
    private let vault: SecretVault
    private let log = EventLog()
    private let deliveries = DeliveryStore()

    init(laneLimit: Int, vault: SecretVault = SecretVault()) {
        self.laneLimit = laneLimit
        self.vault = vault
    }

    struct Claimed: Sendable {
        var deliveries: [ClaimedDelivery] = []
        /// When more may be claimed; nil where nothing waits or no room is left.
        var nextReady: Timestamp?
    }

    private struct Lane {
        let subscription: Subscription
        let free: Int
    }

    /// Takes up to `limit` due deliveries until `leaseEnd`, shared evenly among the subscriptions.
    func claim(
        limit: Int, at now: Timestamp, until leaseEnd: Timestamp, in transaction: any Transaction
    ) throws -> Claimed {
        guard limit > 0 else { return Claimed() }
        let looked = min(limit, Self.lanes)
        let numbers = try readyLanes(limit: looked, at: now, in: transaction)
        guard !numbers.isEmpty else { return Claimed(nextReady: try nextReady(after: now, in: transaction)) }
        let lanes = try state(of: numbers, at: now, in: transaction)
        let shares = LaneShares.divide(limit, among: lanes.map(\.free))
        let rows = try take(zip(lanes, shares).filter { $1 > 0 }, at: now, until: leaseEnd, in: transaction)
        let events = try log.envelopes(
            at: Set(rows.map(\.sequence)), withAttributes: lanes.contains { $0.subscription.terms.format == .vendor },
            in: transaction)
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
        let full = Set(
            lanes.filter { $0.free <= taken[$0.subscription.number, default: 0] }.map(\.subscription.number))
        try moveOn(numbers, full: full, at: now, in: transaction)
        guard claimed.count < limit else { return Claimed(deliveries: claimed) }
        // As many lanes as were asked for: there are probably more.
        let next = numbers.count == looked ? now : try nextReady(after: now, in: transaction)
        return Claimed(deliveries: claimed, nextReady: next)
    }

    /// Prolongs leases. Passes over what others are changing right now, so that a heartbeat never waits.
    /// - Returns: how many were still held.
    @discardableResult
    func extend(
        _ claims: [ClaimedDelivery], until leaseEnd: Timestamp, isWaiting: Bool = false,
        in transaction: any Transaction
    ) throws -> Int {
        guard !claims.isEmpty else { return 0 }
        let locking = isWaiting ? transaction.dialect.forUpdate : transaction.dialect.skipLocked
        let rows = claims.map { claim -> SQLQuery in
            "(CAST(\(claim.number.value) AS BIGINT), CAST(\(claim.fence) AS BIGINT))"
        }
        let filler: SQLQuery = "(CAST(-1 AS BIGINT), CAST(0 AS BIGINT))"
        return try transaction.execute(
            """
            WITH claim (number, fence) AS (VALUES \(query: BatchRows.joined(rows, filler: filler))),
            held AS (
                SELECT d.number FROM claim c JOIN delivery d ON d.number = c.number
                WHERE d.fence = c.fence AND d.state = 'delivering' \(query: locking))
            UPDATE delivery SET visible_at = \(leaseEnd) WHERE number IN (SELECT number FROM held)
            """)
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

    // MARK: Lanes

    /// Waits for lanes in the one order; until the transaction's end nobody else claims in them or adds to them.
    static func lock(_ lanes: some Collection<Int64>, in transaction: any Transaction) throws {
        // SQLite's one writer has them already.
        guard !lanes.isEmpty, !transaction.dialect.isSingleProcess else { return }
        _ = try transaction.rows(
            """
            SELECT subscription_number FROM delivery_lane
            WHERE subscription_number IN \(query: BatchRows.numbers(lanes))
            ORDER BY subscription_number \(query: transaction.dialect.forUpdate)
            """)
    }

    /// Puts locked lanes back to where their next delivery is due, at the back of the queue where that is now.
    /// - Parameter full: those whose turn comes when an attempt ends; should its process die, when its lease does.
    func moveOn(
        _ lanes: some Collection<Int64>, full: Set<Int64> = [], at now: Timestamp, in transaction: any Transaction
    ) throws {
        guard !lanes.isEmpty else { return }
        let rows = lanes.map { lane -> SQLQuery in
            "(CAST(\(lane) AS BIGINT), CAST(\(full.contains(lane)) AS BIGINT))"
        }
        try transaction.execute(
            """
            WITH lane (number, is_full) AS (
                VALUES \(query: BatchRows.joined(rows, filler: "(CAST(-1 AS BIGINT), CAST(0 AS BIGINT))")))
            UPDATE delivery_lane SET ready_at = CASE WHEN lane.is_full = 1 THEN (
                SELECT d.visible_at FROM delivery d
                WHERE d.subscription_number = delivery_lane.subscription_number AND d.state = 'delivering'
                ORDER BY d.visible_at LIMIT 1)
            ELSE (
                SELECT CASE
                    WHEN delivery_lane.blocked_until > \(now) AND delivery_lane.blocked_until > d.visible_at
                        THEN delivery_lane.blocked_until
                    WHEN d.visible_at < \(now) THEN CAST(\(now) AS BIGINT)
                    ELSE d.visible_at END
                FROM delivery d
                WHERE d.subscription_number = delivery_lane.subscription_number AND d.visible_at IS NOT NULL
                ORDER BY d.visible_at LIMIT 1) END
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

    /// Locks lanes whose turn it is, and passes over those another gateway is at.
    private func readyLanes(limit: Int, at now: Timestamp, in transaction: any Transaction) throws -> [Int64] {
        try transaction.rows(
            """
            SELECT subscription_number FROM delivery_lane WHERE ready_at <= \(now)
            ORDER BY ready_at LIMIT \(limit) \(query: transaction.dialect.skipLocked)
            """
        ).map { try $0["subscription_number"] }
    }

    /// When the next lane's turn comes; nil where all are empty.
    private func nextReady(after now: Timestamp, in transaction: any Transaction) throws -> Timestamp? {
        let next: Timestamp? = try transaction.row(
            "SELECT ready_at FROM delivery_lane WHERE ready_at IS NOT NULL ORDER BY ready_at LIMIT 1")?["ready_at"]
        return Round<ClaimedDelivery>.next(next, at: now)
    }

    /// What locked lanes may take, in their order; those of disabled subscriptions are held and left out.
    private func state(
        of lanes: [Int64], at now: Timestamp, in transaction: any Transaction
    ) throws -> [Lane] {
        let rows = try transaction.rows(
            """
            SELECT s.*, (
                SELECT COUNT(*) FROM delivery d
                WHERE d.subscription_number = s.number AND d.state = 'delivering'
                  AND d.visible_at > \(now)) AS under_way
            FROM subscription s WHERE s.number IN \(query: BatchRows.numbers(lanes))
            """)
        let found = try rows.compactMap { row -> Lane? in
            let subscription = try Subscription(row: row).opened(by: vault)
            let underWay: Int = try row["under_way"]
            guard subscription.enabled else {
                // Disabled while a delivery was written or under way.
                try deliveries.hold(subscription.number, at: now, in: transaction)
                return nil
            }
            return Lane(
                subscription: subscription, free: max(0, min(subscription.terms.maxInFlight, laneLimit) - underWay))
        }
        let places = Dictionary(uniqueKeysWithValues: lanes.enumerated().map { ($1, $0) })
        return found.sorted { places[$0.subscription.number, default: 0] < places[$1.subscription.number, default: 0] }
    }

    // MARK: Deliveries

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
        // Passes over a delivery whose late result is being written down right now.
        func dueOf(_ subscription: Int64, _ share: Int) -> SQLQuery {
            """
            SELECT number FROM (
                SELECT number FROM delivery
                WHERE subscription_number = \(subscription) AND visible_at <= \(now)
                ORDER BY visible_at, number LIMIT \(share) \(query: transaction.dialect.skipLocked)) AS due
            """
        }
        let due = BatchRows.joined(
            lanes.map { dueOf($0.lane.subscription.number, $0.share) }, filler: dueOf(-1, 0), by: " UNION ALL ")
        let rows: [TakenRow] = try transaction.all(
            """
            WITH due AS (\(query: due))
            UPDATE delivery SET state = 'delivering', visible_at = \(leaseEnd), fence = fence + 1
            WHERE number IN (SELECT number FROM due)
            RETURNING number, event_sequence, subscription_number, fence, attempts, step
            """)
        return rows.sorted { $0.number < $1.number }
    }
}
