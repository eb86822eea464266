public import CausewayCore
public import Events
public import Logging
public import Storage

/// Writes one delivery for each event and each subscription that wants it: one statement for a batch of events,
/// which looks subscriptions up by event type and filter values and never walks over those that do not match.
///
/// Where many endpoints are in trouble, those that answer do not wait until the others' deliveries are written: these
/// have a reader of the log of their own (`RestOfMatching`), which comes after.
public struct EventMatching: Sendable {
    /// In the place of a type: the subscription takes all.
    static let everyType = "*"

    /// For which subscriptions deliveries are written.
    enum Scope {
        case all
        /// Those whose endpoints answer.
        case answering
        case numbers(ClosedRange<Int64>)
    }

    public init() {}

    /// The readers of the event log that do it.
    public static func dispatchers(
        engine: any StorageEngine, time: any TimeSource, logger: Logger
    ) -> [EventDispatcher] {
        [
            dispatcher(engine: engine, time: time, logger: logger),
            RestOfMatching.dispatcher(engine: engine, time: time, logger: logger),
        ]
    }

    /// The first of them, which leaves something to the other only where more than `few` endpoints do not answer.
    public static func dispatcher(
        engine: any StorageEngine, time: any TimeSource, logger: Logger, few: Int = 32
    ) -> EventDispatcher {
        EventDispatcher(name: "fanout", engine: engine, time: time, logger: logger) { events, transaction in
            let leavesRest = try DeliveryLanes().areMorePaced(than: few, in: transaction)
            if leavesRest {
                transaction.signal(RestOfMatching.topic)
            } else {
                try EventDispatcher.pass(events, by: RestOfMatching.name, in: transaction)
            }
            try EventMatching().enqueue(
                events, to: leavesRest ? .answering : .all, at: time.now(), in: transaction)
            return events.last?.sequence
        }
    }

    /// Writes the deliveries of `events`, in the log's order; those that are there already stay as they are. A
    /// disabled subscription's are held, an ordered one's wait for those before them, and what is told of a subscription
    /// is not told to itself. Returns how many are new.
    @discardableResult
    func enqueue(
        _ events: [Event], to scope: Scope = .all, at now: Timestamp, in transaction: any Transaction
    ) throws -> Int {
        let events = events.filter { $0.type != EventTypes.test }
        guard let first = events.first, let last = events.last else { return 0 }
        let added = try transaction.execute(Self.statement(for: events, to: scope, at: now, in: transaction.dialect))
        guard added > 0 else { return 0 }
        let numbers = scope.numbers(from: first, to: last)
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
                WHERE is_full = 0 AND (ready_at IS NULL OR ready_at > \(now)))
            """)
        try DeliveryOrder().begin(numbers, at: now, in: transaction)
        transaction.signal(DeliveryEngine.topic)
        return added
    }

    /// In the place of attributes, where the events have none.
    private static let noAttribute: SQLQuery = "(CAST(\(0) AS BIGINT), \(""), \(""))"

    /// One for a batch, whatever its size; the number of its texts is small.
    private static func statement(
        for events: [Event], to scope: Scope, at now: Timestamp, in dialect: SQLDialect
    ) -> SQLQuery {
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
                WHERE t.type IN (e.type, '*') AND t.dimensions = 0 \(query: scope.within("t.subscription_number"))
                UNION ALL
                SELECT f.sequence, e.resource, f.subscription_number
                FROM (
                    SELECT a.sequence, i.subscription_number
                    FROM attribute a CROSS JOIN subscription_filter i
                    WHERE i.dimension = a.dimension AND i.value = a.value
                        \(query: scope.within("i.subscription_number"))
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
              AND s.id <> m.resource \(query: scope.condition)
            \(query: dialect.forShare(of: "s"))
            ON CONFLICT (number) DO NOTHING
            """
    }
}

extension EventMatching.Scope {
    /// Of the deliveries that are written, at most.
    fileprivate func numbers(from first: Event, to last: Event) -> Range<Int64> {
        var range = Int64(0)..<DeliveryNumber.subscriptions
        if case .numbers(let numbers) = self { range = numbers.lowerBound..<numbers.upperBound + 1 }
        return first.sequence * DeliveryNumber.subscriptions + range.lowerBound..<last.sequence
            * DeliveryNumber.subscriptions + range.upperBound
    }

    fileprivate func within(_ column: String) -> SQLQuery {
        guard case .numbers(let numbers) = self else { return "" }
        return """
            AND \(query: SQLQuery(raw: column)) BETWEEN \(numbers.lowerBound) AND \(numbers.upperBound)
            """
    }

    fileprivate var condition: SQLQuery {
        guard case .answering = self else { return "" }
        return """
            AND EXISTS (
                SELECT 1 FROM delivery_lane l WHERE l.subscription_number = m.subscription_number AND l.pace = 0)
            """
    }
}
