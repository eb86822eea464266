import CausewayCore
import Storage

extension DeliveryStore {
    /// Makes deliveries of one subscription due now, at the beginning of their schedule; held where it is disabled. Those
    /// under way stay as they are. Their subscription and their lane are locked before. Returns how many.
    @discardableResult
    func sendAgain(
        _ numbers: [Int64], of subscription: Subscription, at now: Timestamp, in transaction: any Transaction
    ) throws -> Int {
        guard !numbers.isEmpty else { return 0 }
        let state = subscription.enabled ? Delivery.State.pending : .held
        let isDue = subscription.enabled && subscription.terms.ordering == .none
        let keys: [String?] = try transaction.rows(
            """
            UPDATE delivery SET state = \(state), visible_at = \(isDue ? now : nil), step = 0, ended_at = NULL,
                                error_detail = NULL, order_key = \(query: DeliveryOrder.ownKey),
                                held_at = \(subscription.enabled ? nil : now)
            WHERE number IN \(query: BatchRows.numbers(numbers)) AND state <> 'delivering'
            RETURNING order_key
            """
        ).map { try $0["order_key"] }
        let count = keys.count
        guard count > 0, subscription.enabled else { return count }
        // Those of an order wait for one another, whenever they are sent again.
        let lines = Set(keys.compactMap(\.self).map { DeliveryOrder.Line(subscription: subscription.number, key: $0) })
        try order.rejoin(lines, at: now, in: transaction)
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = CASE
                WHEN ready_at <= \(now) THEN ready_at
                WHEN blocked_until > \(now) THEN blocked_until ELSE CAST(\(now) AS BIGINT) END
            WHERE subscription_number = \(subscription.number)
            """)
        transaction.signal(DeliveryEngine.topic)
        return count
    }

    /// A delivery that nobody has to send, where there is none of this event to this subscription.
    func insertEnded(
        _ sequence: Int64, _ subscription: Int64, at now: Timestamp, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO delivery (number, event_sequence, subscription_number, state, created_at, visible_at,
                                  attempts, step, fence, ended_at)
            VALUES (\(sequence * DeliveryNumber.subscriptions + subscription), \(sequence), \(subscription),
                    'cancelled', \(now), NULL, 0, 0, 0, \(now))
            ON CONFLICT (number) DO NOTHING
            """)
    }

    /// How many deliveries a replay would send again, as they stand now; counted up to 100,000.
    func count(_ walk: ReplayWalk, in transaction: any Transaction) throws -> Int {
        try transaction.count(
            """
            delivery d JOIN event_log e ON e.sequence = d.event_sequence
            WHERE \(query: range(of: walk)) AND d.state IN \(list: walk.states) AND e.occurred_at >= \(walk.since)
              AND e.occurred_at < \(walk.until) AND e.type <> \(EventTypes.test)
            """)
    }

    /// The next of a replay, oldest first, whatever their state.
    func walked(_ walk: ReplayWalk, in transaction: any Transaction) throws -> [ReplayWalk.Row] {
        try transaction.all(
            """
            SELECT d.number, d.subscription_number, d.state, e.type, e.occurred_at
            FROM delivery d JOIN event_log e ON e.sequence = d.event_sequence
            WHERE \(query: range(of: walk)) ORDER BY d.number LIMIT \(ReplayWalk.batch)
            """)
    }

    private func range(of walk: ReplayWalk) -> SQLQuery {
        let numbers: SQLQuery = "d.number >= \(walk.first) AND d.number < \(walk.below)"
        guard let subscription = walk.subscription else { return numbers }
        return "d.subscription_number = \(subscription) AND \(query: numbers)"
    }
}
