public import CausewayCore
import Events
public import Storage

/// Removes what is over for long: deliveries with their attempts, events that no delivery needs, rows of deleted
/// subscriptions. What is to go is looked for without keeping any writer, and removed a few to a transaction.
public struct DeliveryRetention: Sendable {
    private static let batch = 250

    private let engine: any StorageEngine
    private let time: any TimeSource
    /// Of a delivery since its end.
    private let deliveries: Duration
    /// Of an event without deliveries.
    private let events: Duration
    private let log = EventLog()

    public init(
        engine: any StorageEngine, time: any TimeSource, deliveries: Duration, events: Duration
    ) {
        self.engine = engine
        self.time = time
        self.deliveries = deliveries
        self.events = events
    }

    /// All that is to go now. Safe to be called by several gateways at once.
    public func tidy() async throws {
        let now = time.now()
        let (deliveriesEnd, eventsEnd) = try await engine.read { [self] transaction in
            // Never what somebody has still to read; nor what came of it already: it would be written, and sent, again.
            let read: Int64 =
                try transaction.row("SELECT MIN(position) AS position FROM event_cursor")?["position"] ?? 0
            return (
                min(try log.place(of: now - deliveries, in: transaction), read + 1),
                min(try log.place(of: now - events, in: transaction), read)
            )
        }
        try await removeDeliveries(before: deliveriesEnd * DeliveryNumber.subscriptions, endedBefore: now - deliveries)
        try await removeEvents(before: eventsEnd)
        try await removeSubscriptions(deletedBefore: now - deliveries)
    }

    private func removeDeliveries(before end: Int64, endedBefore time: Timestamp) async throws {
        try await walk { place, limit in
            let numbers = try await numbers(
                """
                SELECT number FROM delivery
                WHERE number > \(place) AND number < \(end) AND state IN ('delivered', 'failed', 'cancelled')
                  AND ended_at < \(time)
                ORDER BY number LIMIT \(limit)
                """)
            guard let last = numbers.last else { return nil }
            try await engine.write { transaction in
                // Somebody may have had one sent again meanwhile.
                let removed: [Int64] = try transaction.rows(
                    """
                    DELETE FROM delivery WHERE number IN \(query: BatchRows.numbers(numbers))
                      AND state IN ('delivered', 'failed', 'cancelled') AND ended_at < \(time)
                    RETURNING number
                    """
                ).map { try $0["number"] }
                _ = try transaction.execute(
                    "DELETE FROM delivery_attempt WHERE delivery_number IN \(query: BatchRows.numbers(removed))")
            }
            return numbers.count == limit ? last : nil
        }
    }

    private func removeEvents(before end: Int64) async throws {
        let unneeded: SQLQuery = """
            NOT EXISTS (
                SELECT 1 FROM delivery d
                WHERE d.number >= event_log.sequence * \(DeliveryNumber.subscriptions)
                  AND d.number < (event_log.sequence + 1) * \(DeliveryNumber.subscriptions))
            """
        try await walk { place, limit in
            let numbers = try await numbers(
                """
                SELECT sequence AS number FROM event_log
                WHERE sequence > \(place) AND sequence < \(end) AND \(query: unneeded)
                ORDER BY sequence LIMIT \(limit)
                """)
            guard let last = numbers.last else { return nil }
            try await engine.write { transaction in
                // Locked first: whoever makes a delivery of one right now is through, and then seen.
                _ = try transaction.rows(
                    """
                    SELECT sequence FROM event_log WHERE sequence IN \(query: BatchRows.numbers(numbers))
                    ORDER BY sequence \(query: transaction.dialect.forUpdate)
                    """)
                _ = try transaction.execute(
                    """
                    DELETE FROM event_log WHERE sequence IN \(query: BatchRows.numbers(numbers))
                      AND \(query: unneeded)
                    """)
            }
            return numbers.count == limit ? last : nil
        }
    }

    /// Their rows stay for as long as deliveries name them.
    private func removeSubscriptions(deletedBefore time: Timestamp) async throws {
        let numbers = try await numbers(
            """
            SELECT number FROM subscription
            WHERE deleted_at IS NOT NULL AND deleted_at < \(time)
              AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.subscription_number = subscription.number)
            ORDER BY deleted_at LIMIT \(Self.batch)
            """)
        guard !numbers.isEmpty else { return }
        try await engine.write { transaction in
            _ = try transaction.execute(
                "DELETE FROM subscription WHERE number IN \(query: BatchRows.numbers(numbers))")
        }
    }

    private func numbers(_ query: SQLQuery) async throws -> [Int64] {
        try await engine.read { try $0.rows(query).map { try $0["number"] } }
    }

    /// Steps from a place to the one they return, until that is none.
    private func walk(_ step: (_ place: Int64, _ limit: Int) async throws -> Int64?) async throws {
        var place: Int64? = 0
        while let here = place, !Task.isCancelled { place = try await step(here, Self.batch) }
    }
}
