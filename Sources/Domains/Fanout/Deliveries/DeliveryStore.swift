import CausewayCore
import Events
import Storage

/// Deliveries and attempts as people look at them, and what a change of their subscription does to them.
struct DeliveryStore: Sendable {
    let order = DeliveryOrder()

    private static let columns: SQLQuery = """
        SELECT d.*, e.id AS event_id, e.type AS event_type, s.id AS subscription_id,
            CASE WHEN d.state = 'pending' AND d.visible_at IS NULL THEN (
                SELECT MAX(p.number) FROM delivery p
                WHERE p.subscription_number = d.subscription_number AND p.order_key = d.order_key
                  AND p.ended_at IS NULL AND p.number < d.number) END AS waits_for
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
            WHERE subscription_number = \(subscription) AND ended_at IS NULL
              AND (state = 'pending' OR (state = 'delivering' AND visible_at <= \(now)))
            """)
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = COALESCE((
                SELECT MIN(d.visible_at) FROM delivery d
                WHERE d.subscription_number = \(subscription) AND d.state = 'delivering'), probe_at)
            WHERE subscription_number = \(subscription)
            """)
    }

    /// What was held is due now, in its order and slowly at first: a backlog must not flatten who has just come back.
    func release(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery
            SET state = 'pending', visible_at = CASE WHEN order_key IS NULL THEN CAST(\(now) AS BIGINT) END
            WHERE subscription_number = \(subscription) AND ended_at IS NULL AND state = 'held'
            """)
        try order.moveUp(all: subscription, at: now, in: transaction)
        try transaction.execute(
            """
            UPDATE delivery_lane SET ready_at = \(now), blocked_until = 0, pace = 1, failures = 0, failing_since = NULL,
                                     warned_at = NULL, probe_at = NULL, answers_since = NULL
            WHERE subscription_number = \(subscription)
            """)
        transaction.signal(DeliveryEngine.topic)
    }

    /// What was still to be sent never will be.
    func cancel(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE delivery SET state = 'cancelled', visible_at = NULL, ended_at = \(now)
            WHERE subscription_number = \(subscription) AND ended_at IS NULL
            """)
    }

    /// What is open follows the subscription's new order.
    func reorder(_ subscription: Int64, at now: Timestamp, in transaction: any Transaction) throws {
        try order.change(subscription, at: now, in: transaction)
        try transaction.execute(
            "UPDATE delivery_lane SET ready_at = \(now) WHERE subscription_number = \(subscription)")
        transaction.signal(DeliveryEngine.topic)
    }

    /// Ends what has been held since before a time, the oldest events' first: what is older than that, but was sent until
    /// its subscription was disabled, is held since then. Returns how many.
    func expireHeld(
        before: Timestamp, at now: Timestamp, limit: Int, in transaction: any Transaction
    ) throws -> Int {
        try transaction.execute(
            """
            WITH oldest AS (
                SELECT number, created_at, subscription_number FROM delivery
                WHERE state IN ('failed', 'held', 'cancelled') AND state = 'held'
                ORDER BY number LIMIT \(limit) \(query: transaction.dialect.skipLocked))
            UPDATE delivery SET state = 'failed', ended_at = \(now),
                error_detail = 'Held for longer than deliveries.hold_for while its subscription was disabled.'
            WHERE number IN (
                SELECT o.number FROM oldest o JOIN subscription s ON s.number = o.subscription_number
                WHERE o.created_at < \(before) AND (s.disabled_at IS NULL OR s.disabled_at < \(before)))
            """)
    }
}
