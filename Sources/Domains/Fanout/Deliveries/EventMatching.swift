public import CausewayCore
public import Events
public import Logging
public import Storage

/// Finds the subscriptions that want an event, for a batch of events in one statement, which looks them up by event type
/// and filter values and never walks over those that do not match; and has one delivery written for each.
///
/// Where they are many, they are written a few to a transaction, so that what is sent and written down meanwhile does not
/// wait; and first for those subscriptions that have nothing else to do, last for those that are full or failing.
public struct EventMatching: Sendable {
    /// In the place of a type: the subscription takes all.
    static let everyType = "*"
    /// Events that are looked up at once.
    private static let slice = 16
    /// Deliveries that still go into one transaction, and how many to each where they do not.
    private static let whole = 512
    private static let part = 256

    private let writer = DeliveryWriter()

    public init() {}

    /// The reader of the event log that does it.
    public static func dispatcher(
        engine: any StorageEngine, time: any TimeSource, logger: Logger
    ) -> EventDispatcher {
        EventDispatcher(name: "fanout", engine: engine, time: time, logger: logger) { events, transaction in
            try EventMatching().consume(events, at: time.now(), in: transaction)
        }
    }

    /// Writes the first deliveries of `events`, in the log's order, and leaves the others; takes no more events than fill a
    /// transaction. What is told of a subscription is not told to itself.
    func consume(
        _ events: [Event], at now: Timestamp, in transaction: any Transaction
    ) throws -> EventDispatcher.Consumed {
        var wanted: [Wanted] = []
        var count = 0
        while count < events.count, wanted.count < Self.whole / 2 {
            let slice = events[count..<min(count + Self.slice, events.count)]
            wanted += try self.wanted(slice.filter { $0.type != EventTypes.test }, in: transaction)
            count += slice.count
        }
        var parts = Self.parts(of: wanted)[...]
        if let first = parts.popFirst() { try writer.write(first, at: now, in: transaction) }
        return EventDispatcher.Consumed(
            count,
            rest: parts.map { part in
                { [writer] transaction in try writer.write(part, at: now, in: transaction) }
            })
    }

    private struct Wanted: RowDecodable {
        let pair: DeliveryWriter.Pair
        /// Of its subscription: 0 where nothing else is open there, 1 where its turn can come at once, 2 where it is full
        /// or failing.
        var rank: Int

        init(row: ResultRow) throws {
            pair = DeliveryWriter.Pair(sequence: try row["sequence"], subscription: try row["subscription_number"])
            rank = try row["rank"]
        }
    }

    /// Those of a subscription stay together: its order is that of the log.
    private static func parts(of wanted: [Wanted]) -> [[DeliveryWriter.Pair]] {
        guard wanted.count > whole else { return wanted.isEmpty ? [] : [wanted.map(\.pair)] }
        // Its lane may have changed between two slices, and what is older would come after what is newer.
        let ranks = Dictionary(wanted.map { ($0.pair.subscription, $0.rank) }) { first, _ in first }
        let ranked = wanted.map { wanted in
            var wanted = wanted
            wanted.rank = ranks[wanted.pair.subscription] ?? wanted.rank
            return wanted
        }
        let sorted = ranked.sorted {
            ($0.rank, $0.pair.subscription, $0.pair.sequence) < ($1.rank, $1.pair.subscription, $1.pair.sequence)
        }
        var parts: [[DeliveryWriter.Pair]] = [[]]
        for (previous, next) in zip([nil] + sorted.map(Optional.some), sorted) {
            if let previous, previous.pair.subscription != next.pair.subscription,
                parts[parts.count - 1].count >= part || previous.rank != next.rank
            {
                parts.append([])
            }
            parts[parts.count - 1].append(next.pair)
        }
        return parts
    }

    /// In the place of attributes, where the events have none.
    private static let noAttribute: SQLQuery = "(CAST(\(0) AS BIGINT), \(""), \(""))"

    /// One statement, whatever the number of events; the number of its texts is small.
    private func wanted(_ events: [Event], in transaction: any Transaction) throws -> [Wanted] {
        guard !events.isEmpty else { return [] }
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
        // CROSS JOIN: SQLite keeps the order, from the events to the indexes.
        return try transaction.all(
            """
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
            SELECT m.sequence, m.subscription_number,
                   CASE WHEN s.enabled = 0 OR l.is_full = 1 OR l.failures > 0 THEN 2
                        WHEN l.ready_at IS NULL THEN 0 ELSE 1 END AS rank
            FROM matched m CROSS JOIN subscription s CROSS JOIN delivery_lane l
            WHERE s.number = m.subscription_number AND s.deleted_at IS NULL AND s.after_sequence < m.sequence
              AND s.id <> m.resource AND l.subscription_number = m.subscription_number
            """)
    }
}
