import CausewayCore
import Events
import Storage
import WorkQueue

/// The deliveries as work: who may claim what when.
///
/// `delivery.visible_at` says when a delivery may be claimed: a claim moves it to the lease's end, so that one whose
/// process died comes back by itself; null while there is nothing to do for it, and while it waits for the one before it
/// (`DeliveryOrder`). `fence` counts claims: with the number it names one claim, so a gateway is known by what it has
/// claimed and needs no name.
///
/// `delivery_lane` has one row for each subscription: `ready_at` is never later than the time at which something in
/// the lane may be claimed, and null where there is nothing. So a claim looks only at lanes whose turn it is, however
/// many deliveries and subscriptions wait: a lane that was served goes to the back of the queue, one with as many
/// attempts under way as it may have leaves it until one of them ends, one that asked to be left alone
/// (`Retry-After`) or has used up its rate leaves it until `blocked_until`. Lanes in trouble (`pace` above zero) queue
/// apart and have places of their own.
///
/// Several gateways at once: each statement sees what was committed before it. So whoever claims in a lane, writes down
/// how attempts in it went, or adds to it, locks its row first, and counts and takes in later statements. All lock in one
/// order: cursor of the event log, subscription, lane (several by their number), delivery. A claim and a heartbeat wait
/// for nobody: they pass over what is locked.
struct DeliveryQueue: Sendable {
    /// Lanes looked at in one claim, of each kind.
    static let looked = 128
    /// Attempts of one subscription under way in this process at most, whatever it asks for itself.
    let laneLimit: Int
    private let vault: SecretVault
    /// How often a subscription that was disabled for its failures is tried, with the oldest delivery held for it.
    var probeInterval = Duration.seconds(3600)
    let lanes = DeliveryLanes()
    private let log = EventLog()
    private let open = OpenDeliveries()

    init(laneLimit: Int, vault: SecretVault = SecretVault()) {
        self.laneLimit = laneLimit
        self.vault = vault
    }

    struct Claimed: Sendable {
        var deliveries: [ClaimedDelivery] = []
        /// When more may be claimed; nil where nothing waits or no room is left.
        var nextReady: Timestamp?
    }

    /// Takes due deliveries until `leaseEnd`, as many as there is room for, shared evenly among the subscriptions.
    func claim(
        _ room: DeliveryPlaces.Room, at now: Timestamp, until leaseEnd: Timestamp, in transaction: any Transaction
    ) throws -> Claimed {
        guard !room.isEmpty else { return Claimed(nextReady: room.nextSlow) }
        let looked = (healthy: min(room.healthy, Self.looked), troubled: min(room.troubled, Self.looked))
        let numbers = try lanes.ready(
            healthy: looked.healthy, troubled: looked.troubled, at: now, in: transaction)
        var claimed = Claimed()
        var left = room
        if !numbers.isEmpty {
            let (open, probed) = try state(of: numbers, at: now, in: transaction)
            let (shares, full) = divide(room, among: open, looked: looked)
            let rows =
                try take(zip(open, shares).filter { $1 > 0 }, at: now, until: leaseEnd, in: transaction)
                + probe(probed, at: now, until: leaseEnd, in: transaction)
            let taken = Dictionary(grouping: rows, by: \.subscription).mapValues(\.count)
            try lanes.write(rates(of: open, taking: taken, at: now), in: transaction)
            try lanes.moveOn(
                numbers,
                full: full.union(open.filter { $0.isFull(taking: taken[$0.number, default: 0]) }.map(\.number)),
                at: now, in: transaction)
            let subscriptions = Dictionary(
                uniqueKeysWithValues: (open.map(\.subscription) + probed).map { ($0.number, $0) })
            claimed.deliveries = try claims(rows, of: subscriptions, at: now, in: transaction)
            for claim in claimed.deliveries {
                if isApart(claim.subscription, in: room) { left.troubled -= 1 } else { left.healthy -= 1 }
            }
        }
        guard left.healthy > 0 || left.troubled > 0 else { return claimed }
        // As many lanes as were asked for: there are probably more. Where none of them gave anything, somebody else is
        // at them.
        let isMore = numbers.count >= max(looked.healthy, looked.troubled) && !claimed.deliveries.isEmpty
        let next =
            isMore
            ? now
            : Round<ClaimedDelivery>.next(
                try lanes.nextReady(healthy: left.healthy > 0, troubled: left.troubled > 0, in: transaction), at: now)
        claimed.nextReady = [next, room.nextSlow].compactMap(\.self).min()
        return claimed
    }

    /// Prolongs leases. Passes over what others are changing right now, so that a heartbeat never waits.
    /// - Returns: the places in `claims` of those that were still held.
    @discardableResult
    func extend(
        _ claims: [ClaimedDelivery], until leaseEnd: Timestamp, isWaiting: Bool = false,
        in transaction: any Transaction
    ) throws -> Set<Int> {
        guard !claims.isEmpty else { return [] }
        let locking = isWaiting ? transaction.dialect.forUpdate : transaction.dialect.skipLocked
        let rows = claims.map { claim -> SQLQuery in
            "(CAST(\(claim.number.value) AS BIGINT), CAST(\(claim.fence) AS BIGINT))"
        }
        let filler: SQLQuery = "(CAST(-1 AS BIGINT), CAST(0 AS BIGINT))"
        let extended = try transaction.rows(
            """
            WITH claim (number, fence) AS (VALUES \(query: BatchRows.joined(rows, filler: filler))),
            held AS (
                SELECT d.number FROM claim c JOIN delivery d ON d.number = c.number
                WHERE d.fence = c.fence AND d.state = 'delivering' \(query: locking))
            UPDATE delivery SET visible_at = \(leaseEnd) WHERE number IN (SELECT number FROM held)
            RETURNING number, fence
            """)
        let fences = Dictionary(
            uniqueKeysWithValues: try extended.map { row -> (Int64, Int64) in (try row["number"], try row["fence"]) })
        return Set(claims.indices.filter { fences[claims[$0].number.value] == claims[$0].fence })
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

    /// What locked lanes may take, in their order, and which disabled subscriptions are to be tried; the deliveries of
    /// the other disabled ones are held.
    private func state(
        of numbers: [Int64], at now: Timestamp, in transaction: any Transaction
    ) throws -> (open: [Lane], probed: [Subscription]) {
        var open: [Lane] = []
        var probed: [Subscription] = []
        for row in try lanes.rows(of: numbers, at: now, in: transaction) {
            let lane = try Lane(row: row, vault: vault, limit: laneLimit, at: now)
            if lane.subscription.enabled {
                if !lane.isArranged { open.append(lane) }
                continue
            }
            try self.open.holdDue(lane.number, at: now, in: transaction)
            guard let probeAt = lane.subscription.health.probeAt, probeAt <= now else { continue }
            probed.append(lane.subscription)
        }
        let places = Dictionary(uniqueKeysWithValues: numbers.enumerated().map { ($1, $0) })
        return (open.sorted { places[$0.number, default: 0] < places[$1.number, default: 0] }, probed)
    }

    private func isApart(_ subscription: Subscription, in room: DeliveryPlaces.Room) -> Bool {
        subscription.health.isTroubled || !subscription.enabled || room.slowLanes.contains(subscription.number)
    }

    /// The shares of each kind's places, and those lanes for which there is none until an attempt of theirs ends. Where
    /// more lanes wait than were looked at, each gets one: no few of them fill the places with their backlog.
    private func divide(
        _ room: DeliveryPlaces.Room, among open: [Lane], looked: (healthy: Int, troubled: Int)
    ) -> (shares: [Int], full: Set<Int64>) {
        var shares = open.map { _ in 0 }
        for (isApart, places, most) in [(false, room.healthy, looked.healthy), (true, room.troubled, looked.troubled)] {
            let chosen = open.indices.filter { self.isApart(open[$0].subscription, in: room) == isApart }
            let bound = chosen.count >= most ? 1 : Int.max
            let free = chosen.map { min(open[$0].free, bound) }
            for (index, share) in zip(chosen, LaneShares.divide(places, among: free)) { shares[index] = share }
        }
        // Slow ones are looked at with the healthy: where they can have nothing, they must not stand in the way.
        let crowded = zip(open, shares).filter { $1 == 0 && room.slowLanes.contains($0.number) }.map(\.0.number)
        return (shares, Set(crowded))
    }

    private func rates(
        of open: [Lane], taking taken: [Int64: Int], at now: Timestamp
    ) -> [(lane: Int64, rate: RateLimit)] {
        open.compactMap { lane in
            guard var rate = lane.rate else { return nil }
            rate.take(taken[lane.number, default: 0], at: now)
            return rate.available(at: now) == 0 || taken[lane.number] != nil ? (lane.number, rate) : nil
        }
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
        // Both pass over a delivery whose late result is being written down right now.
        func dueOf(_ subscription: Int64, _ share: Int) -> SQLQuery {
            """
            SELECT number FROM (
                SELECT number FROM delivery
                WHERE subscription_number = \(subscription) AND visible_at <= \(now)
                ORDER BY visible_at, number LIMIT \(share) \(query: transaction.dialect.skipLocked)) AS due
            """
        }
        func oldestOf(_ subscription: Int64) -> SQLQuery {
            """
            SELECT number FROM (
                SELECT number FROM delivery
                WHERE number = (
                    SELECT number FROM delivery WHERE subscription_number = \(subscription) AND ended_at IS NULL
                    ORDER BY number LIMIT 1)
                  AND visible_at <= \(now) \(query: transaction.dialect.skipLocked)) AS oldest
            """
        }
        var due = BatchRows.joined(
            lanes.map { dueOf($0.lane.number, $0.share - ($0.lane.takesOldest ? 1 : 0)) }, filler: dueOf(-1, 0),
            by: " UNION ALL ")
        let oldest = lanes.filter(\.lane.takesOldest).map { oldestOf($0.lane.number) }
        if !oldest.isEmpty {
            due += " UNION ALL "
            due += BatchRows.joined(oldest, filler: oldestOf(-1), by: " UNION ALL ")
        }
        return try transaction.all(
            """
            WITH due AS (\(query: due))
            UPDATE delivery SET state = 'delivering', visible_at = \(leaseEnd), fence = fence + 1
            WHERE number IN (SELECT number FROM due)
            RETURNING number, event_sequence, subscription_number, fence, attempts, step
            """)
    }

    /// Takes the oldest delivery that is held for each, unless an attempt is under way; sets when they are tried again.
    private func probe(
        _ subscriptions: [Subscription], at now: Timestamp, until leaseEnd: Timestamp, in transaction: any Transaction
    ) throws -> [TakenRow] {
        guard !subscriptions.isEmpty else { return [] }
        var health: [Int64: LaneHealth] = [:]
        for subscription in subscriptions {
            health[subscription.number] = subscription.health
            health[subscription.number]?.probeAt = now + probeInterval.jittered(by: 0.2)
        }
        try lanes.write(health, in: transaction)
        let oldest = subscriptions.map { subscription -> SQLQuery in
            """
            SELECT number FROM (
                SELECT number FROM delivery WHERE subscription_number = \(subscription.number) AND ended_at IS NULL
                ORDER BY number LIMIT 1) AS oldest
            """
        }
        return try transaction.all(
            """
            WITH held AS (\(query: oldest.joined(by: " UNION ALL ")))
            UPDATE delivery SET state = 'delivering', visible_at = \(leaseEnd), fence = fence + 1
            WHERE number IN (SELECT number FROM held) AND state = 'held'
            RETURNING number, event_sequence, subscription_number, fence, attempts, step
            """)
    }

    private func claims(
        _ rows: [TakenRow], of subscriptions: [Int64: Subscription], at now: Timestamp,
        in transaction: any Transaction
    ) throws -> [ClaimedDelivery] {
        guard !rows.isEmpty else { return [] }
        let events = try log.envelopes(
            at: Set(rows.map(\.sequence)),
            withAttributes: subscriptions.values.contains { $0.terms.format == .vendor }, in: transaction)
        return try rows.sorted { $0.number < $1.number }.map { row in
            guard let subscription = subscriptions[row.subscription], let event = events[row.sequence] else {
                throw StorageError.failed(detail: "delivery \(row.number) has no event")
            }
            return ClaimedDelivery(
                number: DeliveryNumber(row.number), fence: row.fence, attempt: row.attempts + 1, step: row.step,
                subscription: subscription, event: event, claimedAt: now, isProbe: !subscription.enabled)
        }
    }
}
