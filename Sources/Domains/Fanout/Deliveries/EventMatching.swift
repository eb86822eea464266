public import CausewayCore
public import Events
public import Logging
public import Storage

/// Writes one delivery for each event and each subscription that wants it: one statement for a batch of events,
/// which looks subscriptions up by event type and filter values and never walks over those that do not match.
public struct EventMatching: Sendable {
    /// In the place of a type: the subscription takes all.
    static let everyType = "*"

    public init() {}

    /// The reader of the event log that does it.
    public static func dispatcher(
        engine: any StorageEngine, time: any TimeSource, logger: Logger
    ) -> EventDispatcher {
        EventDispatcher(name: "fanout", engine: engine, time: time, logger: logger) { events, transaction in
            try EventMatching().enqueue(events, at: time.now(), in: transaction)
        }
    }

    /// Writes the deliveries of `events`, in the log's order; those that are there already stay as they are. A
    /// disabled subscription's are held, an ordered one's wait for those before them, and what is told of a subscription
    /// is not told to itself. Returns how many are new.
    @discardableResult
    func enqueue(_ events: [Event], at now: Timestamp, in transaction: any Transaction) throws -> Int {
        let events = events.filter { $0.type != EventTypes.test }
        guard let first = events.first, let last = events.last else { return 0 }
        let added = try transaction.execute(Self.statement(for: events, at: now, in: transaction.dialect))
        guard added > 0 else { return 0 }
        let numbers =
            first.sequence * DeliveryNumber.subscriptions..<(last.sequence + 1) * DeliveryNumber.subscriptions
        // Each lane is locked, also one whose turn it seems to be: who is claiming in it does not see the new ones, and
        // would leave it empty. All in one order, as everybody who waits for several. Written is only where the turn
        // comes sooner by it: a full lane's comes with the end of an attempt.
        try transaction.execute(
            """
            WITH touched AS (
                SELECT subscription_number, is_full, ready_at FROM delivery_lane WHERE subscription_number IN (
                    SELECT subscription_number FROM delivery
                    WHERE number >= \(numbers.lowerBound) AND number < \(numbers.upperBound) AND state = 'pending')
                ORDER BY subscription_number \(query: transaction.dialect.forUpdate))
            UPDATE delivery_lane
            SET ready_at = CASE WHEN blocked_until > \(now) THEN blocked_until ELSE CAST(\(now) AS BIGINT) END
            WHERE subscription_number IN (
                SELECT subscription_number FROM touched
                WHERE ready_at IS NULL OR (is_full = 0 AND ready_at > \(now)))
            """)
        try DeliveryOrder().begin(numbers, at: now, in: transaction)
        transaction.signal(DeliveryEngine.topic)
        return added
    }

    /// In the place of attributes, where the events have none.
    private static let noAttribute: SQLQuery = "(CAST(\(0) AS BIGINT), \(""), \(""))"

    /// One for a batch, whatever its size; the number of its texts is small.
    private static func statement(for events: [Event], at now: Timestamp, in dialect: SQLDialect) -> SQLQuery {
        let types = events.map { event -> SQLQuery in
            "(CAST(\(event.sequence) AS BIGINT), \(event.type), \(event.resource))"
        }
        let attributes = events.flatMap { event in
            SubscriptionFilter.Dimension.allCases.compactMap { dimension -> SQLQuery? in
                event.attributes[dimension.rawValue].map {
                    "(CAST(\(event.sequence) AS BIGINT), \(dimension), \($0))"
                }
            }
        }
        // CROSS JOIN: SQLite keeps the order, from the events to the indexes. FOR SHARE: who enables, disables or deletes
        // a subscription at the same time has either done so, and is seen, or waits and then finds these deliveries.
        return """
            WITH event (sequence, type, resource) AS (
                VALUES \(query: BatchRows.joined(types, filler: [0, "", ""]))),
            attribute (sequence, dimension, value) AS (
                VALUES \(query: BatchRows.joined(attributes.isEmpty ? [Self.noAttribute] : attributes, filler: [0, "", ""]))),
            matched (sequence, resource, subscription_number) AS (
                SELECT e.sequence, e.resource, t.subscription_number
                FROM event e CROSS JOIN subscription_topic t
                WHERE t.type IN (e.type, '*') AND t.dimensions = 0
                UNION ALL
                SELECT f.sequence, e.resource, f.subscription_number
                FROM (
                    SELECT a.sequence, i.subscription_number
                    FROM attribute a CROSS JOIN subscription_filter i
                    WHERE i.dimension = a.dimension AND i.value = a.value
                    GROUP BY a.sequence, i.subscription_number, i.dimensions
                    HAVING COUNT(*) = i.dimensions) f
                JOIN event e ON e.sequence = f.sequence
                WHERE EXISTS (
                    SELECT 1 FROM subscription_topic t
                    WHERE t.subscription_number = f.subscription_number AND t.type IN (e.type, '*')))
            INSERT INTO delivery (number, event_sequence, subscription_number, state, created_at, visible_at,
                                  attempts, step, fence, order_key, held_at)
            SELECT m.sequence * \(DeliveryNumber.subscriptions) + m.subscription_number, m.sequence,
                   m.subscription_number, CASE WHEN s.enabled = 1 THEN 'pending' ELSE 'held' END, \(now),
                   CASE WHEN s.enabled = 1 AND s.ordering = 'none' THEN CAST(\(now) AS BIGINT) END, 0, 0, 0,
                   \(query: DeliveryOrder.key), CASE WHEN s.enabled = 0 THEN CAST(\(now) AS BIGINT) END
            FROM matched m CROSS JOIN subscription s
            WHERE s.number = m.subscription_number AND s.deleted_at IS NULL AND s.after_sequence < m.sequence
              AND s.id <> m.resource
            \(query: dialect.forShare(of: "s"))
            ON CONFLICT (number) DO NOTHING
            """
    }
}
