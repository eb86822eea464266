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
/// (`Retry-After`) or has used up its rate leaves it until `blocked_until`. Lanes that answer, that are tried and that fail
/// (`LaneHealth.Standing`) stand in three queues and have places of their own (`DeliveryPlaces`). A lane that is full, or
/// for which this process has no place, is not woken by a new delivery (`is_full`): the end of an attempt does that, and
/// in the second case time, since another gateway may have a place for it.
///
/// Several gateways at once: each statement sees what was committed before it. So whoever claims in a lane, writes down
/// how attempts in it went, or adds to it, locks its row first, and counts and takes in later statements. All lock in one
/// order: cursor of the event log, subscription, lane (several by their number), delivery. A claim and a heartbeat wait
/// for nobody: they pass over what is locked.
struct DeliveryQueue: Sendable {
    /// Lanes looked at in one claim, of each queue; few of those that fail, so that a round is not long for their sake.
    static let looked = (answering: 128, trying: 64, failing: 32)
    /// Deliveries of one lane that are taken in its turn, where more lanes wait than are looked at.
    static let turn = 2
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
        let looked = looked(in: room)
        let ready = try lanes.ready(looked, at: now, in: transaction)
        var claimed = Claimed()
        var left = room
        if !ready.isEmpty {
            let numbers = ready.map(\.lane)
            let (open, probed) = try state(of: numbers, at: now, in: transaction)
            let division = room.divided(among: open, looked: looked, turn: Self.turn)
            let rows =
                try take(zip(open, division.shares).filter { $1 > 0 }, at: now, until: leaseEnd, in: transaction)
                + probe(probed, at: now, until: leaseEnd, in: transaction)
            let taken = Dictionary(grouping: rows, by: \.subscription).mapValues(\.count)
            try lanes.write(rates(of: open, taking: taken, at: now), in: transaction)
            let full = open.filter { $0.isFull(taking: taken[$0.number, default: 0]) }.map(\.number)
            // Who could have taken something, and for whom nothing was left, keeps its place in the queue.
            try lanes.moveOn(
                numbers.filter { !division.waiting.contains($0) }, full: Set(full), crowded: division.crowded, at: now,
                in: transaction)
            let subscriptions = Dictionary(
                uniqueKeysWithValues: (open.map(\.subscription) + probed).map { ($0.number, $0) })
            claimed.deliveries = try claims(rows, of: subscriptions, at: now, in: transaction)
            for claim in claimed.deliveries { left.take(1, room.kind(of: claim.subscription)) }
        }
        guard !left.isEmpty else {
            claimed.nextReady = left.nextSlow
            return claimed
        }
        // As many lanes as were asked for: there are probably more. Where none of them gave anything, somebody else is
        // at them.
        let isMore = looked.contains { standing, count in
            count > 0 && left.has(standing) && ready.count { $0.standing == standing } == count
        }
        let next =
            isMore && !claimed.deliveries.isEmpty
            ? now
            : Round<ClaimedDelivery>.next(
                try lanes.nextReady(LaneHealth.Standing.allCases.filter(left.has), in: transaction), at: now)
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
        let extended = try transaction.rows(
            """
            WITH claim (number, fence) AS (VALUES \(query: BatchRows.joined(rows, filler: [-1, 0]))),
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

    private func looked(in room: DeliveryPlaces.Room) -> DeliveryLanes.Looked {
        let answering = (room.answering + Self.turn - 1) / Self.turn
        return [
            // Among many that must not have one of the last places, somebody who may has to be found.
            .answering: room.answering > 0 && room.answering <= room.reserved
                ? Self.looked.answering : min(answering, Self.looked.answering),
            .trying: min(room.trying, Self.looked.trying),
            .failing: min(room[.failing], Self.looked.failing),
        ]
    }

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
            lanes.map { dueOf($0.lane.number, $0.share - ($0.lane.takesOldest ? 1 : 0)) },
            filler: [-1, .integer(now.milliseconds), 0],
            by: " UNION ALL ")
        let oldest = lanes.filter(\.lane.takesOldest).map { oldestOf($0.lane.number) }
        if !oldest.isEmpty {
            due += " UNION ALL "
            due += BatchRows.joined(oldest, filler: [-1, 0], by: " UNION ALL ")
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
