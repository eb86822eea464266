import CausewayCore
import Storage
import WorkQueue

/// What is open of a subscription follows what its row says: cancelled where it is deleted, held where it is disabled, else
/// pending, each in its place of the order.
///
/// The row decides at once, whatever stands in the deliveries: claims look at it. The deliveries follow a few to a
/// transaction, the oldest first, by a walk (`SubscriptionWalk`) that brings each to what the row says at that moment. So it
/// does not matter how often the subscription is changed meanwhile: the walk of the last change, whose id stands in the lane,
/// passes all that were open, and earlier ones end. Where an order is asked for, nothing is claimed until it is through.
struct OpenDeliveries: Sendable {
    /// Deliveries to a transaction.
    static let batch = 500

    private let queue = WorkQueue()
    private let lanes = DeliveryLanes()
    private let order = DeliveryOrder()

    /// After a change of a subscription, whose row and lane are locked: the first ones in this transaction, the others by a
    /// walk.
    func follow(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        let walk = SubscriptionWalk(subscription: subscription)
        let rest = try step(walk, at: now, in: transaction)
        try lanes.beginWalk(rest?.id, of: subscription, in: transaction)
        try lanes.moveOn([subscription], at: now, in: transaction)
        if let rest { try queue.enqueue(rest.draft(at: now), at: now, in: transaction) }
        transaction.signal(DeliveryEngine.topic)
    }

    /// The next of a walk; the subscription and its lane are locked. Returns what is still to be walked.
    func goOn(
        _ walk: SubscriptionWalk, at now: Timestamp, in transaction: any Transaction
    ) throws -> SubscriptionWalk? {
        let rest = try step(walk, at: now, in: transaction)
        if rest == nil { try lanes.endWalk(walk.id, of: walk.subscription, in: transaction) }
        try lanes.moveOn([walk.subscription], at: now, in: transaction)
        transaction.signal(DeliveryEngine.topic)
        return rest
    }

    /// What is due in the lane of a disabled subscription, which is locked: what was under way when its process died, and
    /// what a walk has still to come to. The lane is looked at again where that is not all.
    func holdDue(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            WITH due AS (
                SELECT number FROM delivery WHERE subscription_number = \(subscription) AND visible_at <= \(now)
                ORDER BY visible_at, number LIMIT \(Self.batch) \(query: transaction.dialect.skipLocked))
            UPDATE delivery SET state = 'held', visible_at = NULL, held_at = COALESCE(held_at, \(now))
            WHERE number IN (SELECT number FROM due) AND visible_at <= \(now)
            """)
    }

    private func step(
        _ walk: SubscriptionWalk, at now: Timestamp, in transaction: any Transaction
    ) throws -> SubscriptionWalk? {
        guard let standing = try standing(of: walk, in: transaction) else { return nil }
        let numbers: [Int64] = try transaction.rows(
            """
            SELECT number FROM delivery
            WHERE subscription_number = \(walk.subscription) AND ended_at IS NULL AND number >= \(walk.first)
            ORDER BY number LIMIT \(Self.batch)
            """
        ).map { try $0["number"] }
        guard let last = numbers.last else { return nil }
        switch standing {
        case .deleted: try cancel(numbers, at: now, in: transaction)
        case .disabled: try hold(numbers, at: now, in: transaction)
        case .enabled:
            if walk.isFirst { try order.regard(underWay: walk.subscription, in: transaction) }
            try order.arrange(numbers, at: now, in: transaction)
        }
        guard numbers.count == Self.batch else { return nil }
        var rest = walk
        rest.first = last + 1
        return rest
    }

    private enum Standing { case enabled, disabled, deleted }

    /// Nil where it is gone, or a later walk has begun.
    private func standing(of walk: SubscriptionWalk, in transaction: any Transaction) throws -> Standing? {
        guard
            let row = try transaction.row(
                """
                SELECT s.enabled, s.deleted_at, l.walk FROM subscription s
                LEFT JOIN delivery_lane l ON l.subscription_number = s.number WHERE s.number = \(walk.subscription)
                """)
        else { return nil }
        let deletedAt: Timestamp? = try row["deleted_at"]
        guard deletedAt == nil else { return .deleted }
        let current: String? = try row["walk"]
        guard walk.isFirst || current == walk.id else { return nil }
        let isEnabled: Bool = try row["enabled"]
        return isEnabled ? .enabled : .disabled
    }

    /// They never will be sent.
    private func cancel(_ numbers: [Int64], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'cancelled', visible_at = NULL, ended_at = \(now)
            WHERE number IN \(query: BatchRows.numbers(numbers)) AND state IN ('pending', 'delivering', 'held')
            """)
    }

    /// They wait until the subscription is enabled. An attempt under way goes on under its lease, and its delivery is held
    /// when it ends in nothing.
    private func hold(_ numbers: [Int64], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'held', visible_at = NULL, held_at = COALESCE(held_at, \(now))
            WHERE number IN \(query: BatchRows.numbers(numbers))
              AND (state = 'pending' OR (state = 'delivering' AND visible_at <= \(now)))
            """)
    }
}
