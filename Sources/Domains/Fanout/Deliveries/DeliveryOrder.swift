import CausewayCore
import Storage

/// Subscriptions that ask for an order: of the deliveries in one line, no more than one may be claimed or is under way.
///
/// A line is named by `delivery.order_key`: the event's resource where `ordering` is `export`, nothing where it is
/// `subscription`; null where no order is kept. Those that wait are pending and have no `visible_at`. The turn is the
/// oldest's that is open, but never while another is under way: an older one that is sent again waits for the newer one's
/// attempt, and goes before its next. Whatever ends an attempt gives the turn on, in the same transaction and under the
/// lock of the lane, so that none is forgotten.
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

    /// Where somebody in the delivery's line is under way.
    private static let isBusy: SQLQuery = """
        EXISTS (
            SELECT 1 FROM delivery u
            WHERE u.subscription_number = delivery.subscription_number AND u.state = 'delivering'
              AND u.order_key = delivery.order_key AND u.number <> delivery.number)
        """

    /// Where an older one in the delivery's line is open.
    private static let isBehind: SQLQuery = """
        EXISTS (
            SELECT 1 FROM delivery o
            WHERE o.subscription_number = delivery.subscription_number AND o.order_key = delivery.order_key
              AND o.ended_at IS NULL AND o.number < delivery.number)
        """

    /// Makes the oldest of each line due, unless it is already, its next attempt is set, or another is under way.
    func moveUp(_ lines: Set<Line>, at now: Timestamp, in transaction: any Transaction) throws {
        guard !lines.isEmpty else { return }
        let rows = lines.map { "(CAST(\($0.subscription) AS BIGINT), \($0.key))" as SQLQuery }
        try transaction.execute(
            """
            WITH line (subscription_number, order_key) AS (
                VALUES \(query: BatchRows.joined(rows, filler: [-1, ""])))
            UPDATE delivery SET visible_at = \(now) WHERE number IN (
                SELECT (
                    SELECT d.number FROM delivery d
                    WHERE d.subscription_number = line.subscription_number AND d.order_key = line.order_key
                      AND d.ended_at IS NULL
                    ORDER BY d.number LIMIT 1)
                FROM line) AND state = 'pending' AND visible_at IS NULL AND NOT \(query: Self.isBusy)
            """)
    }

    /// After attempts that are to be made again: who is not the oldest any more, or not alone under way, waits.
    func fallBack(_ numbers: [Int64], in transaction: any Transaction) throws {
        guard !numbers.isEmpty else { return }
        try transaction.execute(
            """
            UPDATE delivery SET visible_at = NULL
            WHERE number IN \(query: BatchRows.numbers(numbers)) AND state = 'pending' AND order_key IS NOT NULL
              AND (\(query: Self.isBehind) OR \(query: Self.isBusy))
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
                VALUES \(query: BatchRows.joined(rows, filler: [-1, ""])))
            UPDATE delivery SET visible_at = NULL WHERE number IN (
                SELECT (
                    SELECT d.number FROM delivery d
                    WHERE d.subscription_number = line.subscription_number AND d.order_key = line.order_key
                      AND d.ended_at IS NULL AND d.visible_at IS NOT NULL
                    ORDER BY d.number LIMIT 1)
                FROM line) AND state = 'pending' AND \(query: Self.isBehind)
            """)
        try moveUp(lines, at: now, in: transaction)
    }

    /// Makes due those new deliveries that have nothing before them, unless a newer one that was asked for is on its way.
    /// - Parameter numbers: what was written, in lines and pending.
    func begin(_ numbers: [Int64], at now: Timestamp, in transaction: any Transaction) throws {
        guard !numbers.isEmpty else { return }
        try transaction.execute(
            """
            UPDATE delivery SET visible_at = \(now)
            WHERE number IN \(query: BatchRows.numbers(numbers))
              AND order_key IS NOT NULL AND state = 'pending' AND visible_at IS NULL AND number = (
                SELECT d.number FROM delivery d
                WHERE d.subscription_number = delivery.subscription_number AND d.order_key = delivery.order_key
                  AND d.ended_at IS NULL
                ORDER BY d.number LIMIT 1) AND NOT EXISTS (
                SELECT 1 FROM delivery u
                WHERE u.subscription_number = delivery.subscription_number AND u.order_key = delivery.order_key
                  AND u.ended_at IS NULL AND u.visible_at IS NOT NULL AND u.number > delivery.number)
            """)
    }

    /// What is under way is in the lines of the subscription's order as it is now, before anybody gets a turn there.
    func regard(underWay subscription: Int64, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET order_key = \(query: Self.ownKey)
            WHERE subscription_number = \(subscription) AND state = 'delivering'
            """)
    }

    /// What is open follows its subscription's order as it is now: those of these deliveries that were held or in another
    /// line get their place, the oldest ones first. What is under way goes on.
    func arrange(_ numbers: [Int64], at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET order_key = \(query: Self.ownKey),
                state = CASE WHEN state = 'held' THEN 'pending' ELSE state END,
                held_at = CASE WHEN state = 'delivering' THEN held_at END
            WHERE number IN \(query: BatchRows.numbers(numbers)) AND state IN ('pending', 'delivering', 'held')
            """)
        try transaction.execute(
            """
            UPDATE delivery SET visible_at = CASE
                WHEN order_key IS NULL THEN COALESCE(visible_at, \(now))
                WHEN \(query: Self.isBehind) OR \(query: Self.isBusy) THEN NULL
                ELSE COALESCE(visible_at, \(now)) END
            WHERE number IN \(query: BatchRows.numbers(numbers)) AND state = 'pending'
            """)
    }
}
