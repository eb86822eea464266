import CausewayCore
import Storage

/// Writes deliveries into the lanes of their subscriptions.
struct DeliveryWriter: Sendable {
    /// An event, and a subscription that wants it.
    struct Pair: BitwiseCopyable, Hashable, Sendable {
        let sequence: Int64
        let subscription: Int64
    }

    private struct Written: RowDecodable {
        let number: Int64, subscription: Int64
        let state: Delivery.State
        let isInLine: Bool

        init(row: ResultRow) throws {
            number = try row["number"]
            subscription = try row["subscription_number"]
            state = try row["state"]
            isInLine = (try row["order_key"] as String?) != nil
        }
    }

    /// Those that are there already stay as they are. A disabled subscription's are held, an ordered one's wait for those
    /// before them, and a deleted one gets none. Returns how many are new.
    @discardableResult
    func write(_ pairs: [Pair], at now: Timestamp, in transaction: any Transaction) throws -> Int {
        guard !pairs.isEmpty else { return 0 }
        let rows = pairs.map { pair -> SQLQuery in
            "(CAST(\(pair.sequence) AS BIGINT), CAST(\(pair.subscription) AS BIGINT))"
        }
        // FOR SHARE: who enables, disables or deletes a subscription at the same time has either done so, and is seen, or
        // waits and then finds these deliveries.
        let written: [Written] = try transaction.all(
            """
            WITH pair (sequence, subscription_number) AS (VALUES \(query: BatchRows.joined(rows, filler: [-1, -1])))
            INSERT INTO delivery (number, event_sequence, subscription_number, state, created_at, visible_at,
                                  attempts, step, fence, order_key, held_at)
            SELECT m.sequence * \(DeliveryNumber.subscriptions) + s.number, m.sequence, s.number,
                   CASE WHEN s.enabled = 1 THEN 'pending' ELSE 'held' END, \(now),
                   CASE WHEN s.enabled = 1 AND s.ordering = 'none' THEN CAST(\(now) AS BIGINT) END, 0, 0, 0,
                   \(query: DeliveryOrder.key), CASE WHEN s.enabled = 0 THEN CAST(\(now) AS BIGINT) END
            FROM pair p CROSS JOIN subscription s CROSS JOIN event_log m
            WHERE s.number = p.subscription_number AND s.deleted_at IS NULL AND m.sequence = p.sequence
            \(query: transaction.dialect.forShare(of: "s"))
            ON CONFLICT (number) DO NOTHING
            RETURNING number, subscription_number, state, order_key
            """)
        guard !written.isEmpty else { return 0 }
        try wake(Set(written.lazy.filter { $0.state == .pending }.map(\.subscription)), at: now, in: transaction)
        let inLine = written.filter { $0.isInLine && $0.state == .pending }.map(\.number)
        try DeliveryOrder().begin(inLine, at: now, in: transaction)
        transaction.signal(DeliveryEngine.topic)
        return written.count
    }

    /// Each lane is locked, also one whose turn it seems to be: who is claiming in it does not see the new ones, and would
    /// leave it empty. All in one order, as everybody who waits for several. Written is only where the turn comes sooner by
    /// it: a full lane's comes with the end of an attempt.
    private func wake(_ lanes: Set<Int64>, at now: Timestamp, in transaction: any Transaction) throws {
        guard !lanes.isEmpty else { return }
        try transaction.execute(
            """
            WITH touched AS (
                SELECT subscription_number, is_full, ready_at FROM delivery_lane
                WHERE subscription_number IN \(query: BatchRows.numbers(lanes))
                ORDER BY subscription_number \(query: transaction.dialect.forUpdate))
            UPDATE delivery_lane
            SET ready_at = CASE WHEN blocked_until > \(now) THEN blocked_until ELSE CAST(\(now) AS BIGINT) END
            WHERE subscription_number IN (
                SELECT subscription_number FROM touched
                WHERE ready_at IS NULL OR (is_full = 0 AND ready_at > \(now)))
            """)
    }
}
