import CausewayCore
import Events
import Storage

/// Deliveries and attempts as people look at them, and what a change of their subscription does to them.
struct DeliveryStore: Sendable {
    private static let columns: SQLQuery = """
        SELECT d.*, e.id AS event_id, e.type AS event_type, s.id AS subscription_id
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

    // MARK: Its subscription changes

    // Their lane is locked before.

    /// What is still to be sent waits until the subscription is enabled. An attempt under way goes on under its lease,
    /// and its delivery is held when it ends in nothing.
    func hold(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'held', visible_at = NULL
            WHERE subscription_number = \(subscription) AND visible_at IS NOT NULL
              AND (state = 'pending' OR visible_at <= \(now))
            """)
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = (
                SELECT MIN(d.visible_at) FROM delivery d
                WHERE d.subscription_number = \(subscription) AND d.state = 'delivering')
            WHERE subscription_number = \(subscription)
            """)
    }

    /// What was held is due now.
    func release(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'pending', visible_at = \(now)
            WHERE subscription_number = \(subscription) AND state = 'held'
            """)
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = \(now), blocked_until = 0
            WHERE subscription_number = \(subscription)
            """)
        transaction.signal(DeliveryEngine.topic)
    }

    /// What was still to be sent never will be.
    func cancel(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'cancelled', visible_at = NULL, ended_at = \(now)
            WHERE subscription_number = \(subscription) AND (visible_at IS NOT NULL OR state = 'held')
            """)
    }
}
