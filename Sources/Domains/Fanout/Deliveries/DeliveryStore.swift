import CausewayCore
import Events
import Storage

/// Deliveries and attempts as people look at them.
struct DeliveryStore: Sendable {
    let order = DeliveryOrder()

    private static let columns: SQLQuery = """
        SELECT d.*, e.id AS event_id, e.type AS event_type, s.id AS subscription_id,
            CASE WHEN d.state = 'pending' AND d.visible_at IS NULL THEN COALESCE((
                SELECT MAX(p.number) FROM delivery p
                WHERE p.subscription_number = d.subscription_number AND p.order_key = d.order_key
                  AND p.ended_at IS NULL AND p.number < d.number), (
                SELECT MAX(u.number) FROM delivery u
                WHERE u.subscription_number = d.subscription_number AND u.order_key = d.order_key
                  AND u.state = 'delivering')) END AS waits_for
        FROM delivery d JOIN event_log e ON e.sequence = d.event_sequence
        JOIN subscription s ON s.number = d.subscription_number
        """

    func delivery(_ number: DeliveryNumber, in transaction: any Transaction) throws -> Delivery? {
        try transaction.first("\(query: Self.columns) WHERE d.number = \(number.value)")
    }

    func attempts(of number: DeliveryNumber, in transaction: any Transaction) throws -> [DeliveryAttempt] {
        try transaction.all("SELECT * FROM delivery_attempt WHERE delivery_number = \(number.value) ORDER BY number")
    }

    /// Newest event first. A page's key is the delivery's number.
    func page(
        _ filter: DeliveryFilter, _ request: PageRequest, in transaction: any Transaction
    ) throws -> Page<Delivery> {
        var conditions: [SQLQuery] = []
        if let after = request.after.flatMap(Int64.init) { conditions.append("d.number < \(after)") }
        if !filter.subscriptions.isEmpty {
            // Read first: for one number the index gives the deliveries in their order.
            let numbers: [Int64] = try transaction.rows(
                "SELECT number FROM subscription WHERE id IN \(list: filter.subscriptions)"
            ).map { try $0["number"] }
            conditions.append(
                numbers.count == 1
                    ? "d.subscription_number = \(numbers[0])" : "d.subscription_number IN \(list: numbers)")
        }
        if !filter.events.isEmpty {
            let sequences: [Int64] = try transaction.rows(
                "SELECT sequence FROM event_log WHERE id IN \(list: filter.events)"
            ).map { try $0["sequence"] }
            guard !sequences.isEmpty else { return Page(fetched: [], limit: request.limit) { $0.id.text } }
            // A range of the primary key each, since the number begins with the event's place.
            let ranges = sequences.map { sequence -> SQLQuery in
                let first = sequence * DeliveryNumber.subscriptions
                return "d.number BETWEEN \(first) AND \(first + DeliveryNumber.subscriptions - 1)"
            }
            conditions.append("(\(query: ranges.joined(by: " OR ")))")
        }
        if !filter.states.isEmpty {
            let states = Array(Set(filter.states))
            // Said in the words of the index of those that are rare.
            if states.allSatisfy({ $0 == .failed || $0 == .held || $0 == .cancelled }) {
                conditions.append("d.state IN ('failed', 'held', 'cancelled')")
            }
            conditions.append(states.count == 1 ? "d.state = \(states[0])" : "d.state IN \(list: states)")
        }
        let found: [Delivery] = try transaction.all(
            """
            \(query: Self.columns) WHERE \(query: .all(conditions))
            ORDER BY d.number DESC LIMIT \(request.limit + 1)
            """)
        return Page(fetched: found, limit: request.limit) { String($0.number.value) }
    }

    /// Ends what has been held since before a time, the longest held first. What waits for an enabled subscription is on its
    /// way out. Returns how many.
    func expireHeld(
        before: Timestamp, at now: Timestamp, limit: Int, in transaction: any Transaction
    ) throws -> Int {
        try transaction.execute(
            """
            WITH expired AS (
                SELECT number FROM delivery
                WHERE state = 'held' AND held_at < \(before) AND EXISTS (
                    SELECT 1 FROM subscription s
                    WHERE s.number = delivery.subscription_number AND s.enabled = 0 AND s.deleted_at IS NULL)
                ORDER BY held_at LIMIT \(limit) \(query: transaction.dialect.skipLocked))
            UPDATE delivery SET state = 'failed', ended_at = \(now),
                error_detail = 'Held for longer than deliveries.hold_for while its subscription was disabled.'
            WHERE number IN (SELECT number FROM expired) AND state = 'held'
            """)
    }
}
