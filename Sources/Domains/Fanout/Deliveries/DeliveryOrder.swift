import CausewayCore
import Storage

/// Subscriptions that ask for an order: of the deliveries in one line, only the oldest that is open may be claimed.
///
/// A line is named by `delivery.order_key`: the event's resource where `ordering` is `export`, nothing where it is
/// `subscription`; null where no order is kept. Those that wait are pending and have no `visible_at`; whatever ends the
/// oldest makes the next one due, in the same transaction and under the lock of the lane, so that none is forgotten.
struct DeliveryOrder: Sendable {
    struct Line: Hashable {
        let subscription: Int64
        let key: String
    }

    /// The key of a new delivery.
    static let key: SQLQuery = """
        CASE s.ordering WHEN 'subscription' THEN '' WHEN 'export' THEN m.resource END
        """

    /// The same of one that is there, as its subscription asks for it now.
    static let ownKey: SQLQuery = """
        (SELECT \(query: key) FROM subscription s CROSS JOIN event_log m
         WHERE s.number = delivery.subscription_number AND m.sequence = delivery.event_sequence)
        """

    /// Makes the oldest of each line due, unless it is already, or its next attempt is set.
    func moveUp(_ lines: Set<Line>, at now: Timestamp, in transaction: any Transaction) throws {
        guard !lines.isEmpty else { return }
        let rows = lines.map { "(CAST(\($0.subscription) AS BIGINT), \($0.key))" as SQLQuery }
        try transaction.execute(
            """
            WITH line (subscription_number, order_key) AS (
                VALUES \(query: BatchRows.joined(rows, filler: "(CAST(-1 AS BIGINT), '')")))
            UPDATE delivery SET visible_at = \(now) WHERE number IN (
                SELECT (
                    SELECT d.number FROM delivery d
                    WHERE d.subscription_number = line.subscription_number AND d.order_key = line.order_key
                      AND d.ended_at IS NULL
                    ORDER BY d.number LIMIT 1)
                FROM line) AND state = 'pending' AND visible_at IS NULL
            """)
    }

    /// After older ones have come back into lines: whoever was at the front waits behind them. Costs nothing for those that
    /// wait already, however many they are.
    func rejoin(_ lines: Set<Line>, at now: Timestamp, in transaction: any Transaction) throws {
        guard !lines.isEmpty else { return }
        let rows = lines.map { "(CAST(\($0.subscription) AS BIGINT), \($0.key))" as SQLQuery }
        try transaction.execute(
            """
            WITH line (subscription_number, order_key) AS (
                VALUES \(query: BatchRows.joined(rows, filler: "(CAST(-1 AS BIGINT), '')")))
            UPDATE delivery SET visible_at = NULL WHERE number IN (
                SELECT (
                    SELECT d.number FROM delivery d
                    WHERE d.subscription_number = line.subscription_number AND d.order_key = line.order_key
                      AND d.ended_at IS NULL AND d.visible_at IS NOT NULL
                    ORDER BY d.number LIMIT 1)
                FROM line) AND state = 'pending' AND EXISTS (
                SELECT 1 FROM delivery o
                WHERE o.subscription_number = delivery.subscription_number AND o.order_key = delivery.order_key
                  AND o.ended_at IS NULL AND o.number < delivery.number)
            """)
        try moveUp(lines, at: now, in: transaction)
    }

    /// Makes the oldest due in all lines of a subscription.
    func moveUp(all subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET visible_at = \(now) WHERE number IN (
                SELECT MIN(number) FROM delivery
                WHERE subscription_number = \(subscription) AND order_key IS NOT NULL AND ended_at IS NULL
                GROUP BY order_key) AND state = 'pending' AND visible_at IS NULL
            """)
    }

    /// Makes due those new deliveries that have nothing before them.
    /// - Parameter numbers: what was written, without the end.
    func begin(_ numbers: Range<Int64>, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET visible_at = \(now)
            WHERE number >= \(numbers.lowerBound) AND number < \(numbers.upperBound)
              AND order_key IS NOT NULL AND state = 'pending' AND visible_at IS NULL AND number = (
                SELECT d.number FROM delivery d
                WHERE d.subscription_number = delivery.subscription_number AND d.order_key = delivery.order_key
                  AND d.ended_at IS NULL
                ORDER BY d.number LIMIT 1)
            """)
    }

    /// What is open follows a subscription's new order, which its row holds already; what is under way goes on.
    func change(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET order_key = \(query: Self.ownKey)
            WHERE subscription_number = \(subscription) AND ended_at IS NULL
            """)
        try transaction.execute(
            """
            UPDATE delivery SET visible_at = CASE WHEN order_key IS NULL THEN COALESCE(visible_at, \(now)) WHEN EXISTS (
                SELECT 1 FROM delivery d
                WHERE d.subscription_number = delivery.subscription_number AND d.order_key = delivery.order_key
                  AND d.ended_at IS NULL AND d.number < delivery.number)
                THEN NULL ELSE COALESCE(visible_at, \(now)) END
            WHERE subscription_number = \(subscription) AND ended_at IS NULL AND state = 'pending'
            """)
    }
}
