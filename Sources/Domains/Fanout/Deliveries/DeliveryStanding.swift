public import CausewayCore
public import Storage

/// How many deliveries there are that have not been delivered, each number up to 100,000, and how late the latest is.
public struct DeliveryStanding: Sendable {
    public let counts: [(state: Delivery.State, count: Int)]
    /// Of the delivery that has been due for longest; zero where none is.
    public let oldestDue: Duration

    public init(at now: Timestamp, in transaction: any Transaction) throws {
        // Both by their indexes alone.
        let ahead = try transaction.count("delivery WHERE visible_at IS NOT NULL")
        let waiting = try transaction.count(
            """
            delivery
            WHERE order_key IS NOT NULL AND ended_at IS NULL AND state = 'pending' AND visible_at IS NULL
            """)
        let underWay = try transaction.count("delivery WHERE state = 'delivering'")
        let troubled = try [Delivery.State.failed, .held, .cancelled].map { state in
            (
                state: state,
                count: try transaction.count(
                    """
                    delivery
                    WHERE state IN ('failed', 'held', 'cancelled') AND state = \(state)
                    """)
            )
        }
        counts =
            [(state: .pending, count: max(0, ahead - underWay) + waiting), (state: .delivering, count: underWay)]
            + troubled
        // Lanes whose turn has come, each with its first delivery; one under way has its lease's end there.
        let oldest: Timestamp? = try transaction.row(
            """
            SELECT MIN(due) AS oldest FROM (
                SELECT (
                    SELECT d.visible_at FROM delivery d
                    WHERE d.subscription_number = l.subscription_number AND d.visible_at IS NOT NULL
                    ORDER BY d.visible_at LIMIT 1) AS due
                FROM (
                    SELECT subscription_number FROM delivery_lane WHERE pace = 0 AND ready_at <= \(now)
                    UNION ALL
                    SELECT subscription_number FROM delivery_lane
                    WHERE pace > 0 AND failures = 0 AND ready_at <= \(now)
                    UNION ALL
                    SELECT subscription_number FROM delivery_lane
                    WHERE pace > 0 AND failures > 0 AND ready_at <= \(now)) AS l
                LIMIT 1000) AS lanes
            """)?["oldest"]
        oldestDue = oldest.map { max(.zero, now.since($0)) } ?? .zero
    }
}
