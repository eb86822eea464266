public import CausewayCore
public import Storage

/// Durable work: written down in the transaction that makes it necessary, done at least once.
///
///     enqueue ──▶ due ──claim──▶ leased ──complete──▶ gone
///                  ▲               │ ├──reschedule──▶ due later (a retry, the next poll)
///                  └─lease is over─┘ └──bury────────▶ kept for a person, never claimed
///
/// One column, `visible_at`, says when an item may be claimed: a claim moves it to the lease's end, so an item
/// whose worker died comes back by itself. `fence` counts claims: what is written under an old claim is refused.
/// An enqueue while the item is leased is kept in `wakes`, so that the item runs again after this run.
public struct WorkQueue: Sendable {
    /// Names this process in its claims.
    public let owner: String

    public init(owner: String = RandomToken.make(bytes: 9)) {
        self.owner = owner
    }

    public static func topic(_ kind: String) -> SignalTopic { SignalTopic("work:\(kind)") }

    /// Adds work as part of the caller's transaction; where the same kind and key is there already, makes that one
    /// due no later than `dueAt`.
    public func enqueue(_ draft: WorkDraft, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO work_item (id, kind, work_key, payload, created_at, visible_at, attempts, fence, wakes,
                                   claimed_wakes)
            VALUES (\(Identifier<WorkItemKind>(at: now)), \(draft.kind), \(draft.key), \(draft.payload), \(now),
                    \(draft.dueAt), 0, 0, 0, 0)
            ON CONFLICT (kind, work_key) DO UPDATE SET
                visible_at = CASE WHEN work_item.owner IS NOT NULL OR work_item.visible_at < excluded.visible_at
                                  THEN work_item.visible_at ELSE excluded.visible_at END,
                wakes = work_item.wakes + 1,
                buried_at = NULL
            """)
        transaction.signal(Self.topic(draft.kind))
    }

    /// Takes up to `limit` due items of a kind, those that are due for longest, until `leaseEnd`; oldest first.
    public func claim(
        _ kind: String, limit: Int, at now: Timestamp, until leaseEnd: Timestamp, in transaction: any Transaction
    ) throws -> [WorkItem] {
        try claim([(kind, limit)], at: now, until: leaseEnd, in: transaction)
    }

    /// The same for several kinds at once.
    func claim(
        _ kinds: [(kind: String, limit: Int)], at now: Timestamp, until leaseEnd: Timestamp,
        in transaction: any Transaction
    ) throws -> [WorkItem] {
        let due = kinds.map { kind, limit -> SQLQuery in
            """
            SELECT id FROM (
                SELECT id FROM work_item
                WHERE kind = \(kind) AND visible_at <= \(now) AND buried_at IS NULL
                ORDER BY visible_at LIMIT \(limit) \(query: transaction.dialect.skipLocked)) AS due
            """
        }
        // What is due is found once, in a common table: PostgreSQL may run a subquery with a limit again.
        let items: [WorkItem] = try transaction.all(
            """
            WITH due AS (\(query: due.joined(by: " UNION ALL ")))
            UPDATE work_item
            SET visible_at = \(leaseEnd), owner = \(owner), attempts = attempts + 1, fence = fence + 1,
                claimed_wakes = wakes
            WHERE id IN (SELECT id FROM due)
            RETURNING id, kind, work_key, payload, created_at, attempts, fence
            """)
        return items.sorted { $0.id.text < $1.id.text }
    }

    /// When the next item of these kinds comes due (or its lease ends); nil where there is none.
    func nextDue(_ kinds: [String], in transaction: any Transaction) throws -> Timestamp? {
        guard !kinds.isEmpty else { return nil }
        let each = kinds.map { kind -> SQLQuery in
            "SELECT MIN(visible_at) AS next FROM work_item WHERE kind = \(kind) AND buried_at IS NULL"
        }
        return try transaction.row(
            "SELECT MIN(next) AS next FROM (\(query: each.joined(by: " UNION ALL "))) AS kinds")?["next"]
    }

    /// The item is done and goes, unless it was enqueued again meanwhile: then it is due at once.
    public func complete(_ item: WorkItem, at now: Timestamp, in transaction: any Transaction) throws {
        guard try complete([item], at: now, in: transaction).isEmpty else { throw WorkQueueError.leaseLost }
    }

    /// The same for a batch. Returns those whose lease was lost: of them nothing was written.
    public func complete(
        _ items: [WorkItem], at now: Timestamp, in transaction: any Transaction
    ) throws -> [WorkItem] {
        guard !items.isEmpty else { return [] }
        let removed = try transaction.rows(
            """
            WITH claim (id, fence) AS (VALUES \(query: Self.claims(items)))
            DELETE FROM work_item
            WHERE (id, fence) IN (SELECT id, fence FROM claim) AND owner IS NOT NULL AND wakes = claimed_wakes
            RETURNING id
            """)
        guard removed.count < items.count else { return [] }
        let gone = Set(try removed.map { row -> Identifier<WorkItemKind> in try row["id"] })
        return try items.filter { item in
            guard !gone.contains(item.id) else { return false }
            do {
                try settle(item, visibleAt: now, at: now, resetsAttempts: true, error: nil, in: transaction)
                return false
            } catch WorkQueueError.leaseLost {
                return true
            }
        }
    }

    /// The item comes back at `time`; at once where it was enqueued again meanwhile.
    /// - Parameter resetsAttempts: true for a next round, false for another try at the same one.
    public func reschedule(
        _ item: WorkItem, at time: Timestamp, now: Timestamp, resetsAttempts: Bool = false, error: String? = nil,
        in transaction: any Transaction
    ) throws {
        try settle(item, visibleAt: time, at: now, resetsAttempts: resetsAttempts, error: error, in: transaction)
    }

    /// Keeps the item for a person to look at; nobody claims it until it is enqueued again.
    public func bury(_ item: WorkItem, error: String, at now: Timestamp, in transaction: any Transaction) throws {
        let changed = try transaction.execute(
            """
            UPDATE work_item SET owner = NULL, buried_at = \(now), last_error = \(error.storable)
            WHERE id = \(item.id) AND fence = \(item.fence) AND owner IS NOT NULL
            """)
        if changed == 0 { throw WorkQueueError.leaseLost }
    }

    /// Takes back work that nobody has to do any more, unless somebody is at it.
    public func withdraw(kind: String, key: String, in transaction: any Transaction) throws {
        try transaction.execute(
            "DELETE FROM work_item WHERE kind = \(kind) AND work_key = \(key) AND owner IS NULL")
    }

    /// Makes sure, before something is done that cannot be undone, that the item is still this claim's, for as long as a
    /// lease lasts. Throws `WorkQueueError.leaseLost`.
    public func renew(_ item: WorkItem, at now: Timestamp, in transaction: any Transaction) throws {
        let changed = try transaction.execute(
            """
            UPDATE work_item SET visible_at = \(now + Lease.duration)
            WHERE id = \(item.id) AND fence = \(item.fence) AND owner = \(owner)
            """)
        if changed == 0 { throw WorkQueueError.leaseLost }
    }

    /// Moves the lease's end of items this process still works on. Passes over what others are changing right now, so
    /// that a heartbeat never waits; the next one finds it.
    /// - Returns: the places in `items` of those that were still held.
    @discardableResult
    func extend(
        _ items: [WorkItem], until leaseEnd: Timestamp, isWaiting: Bool = false, in transaction: any Transaction
    ) throws -> Set<Int> {
        guard !items.isEmpty else { return [] }
        let locking = isWaiting ? transaction.dialect.forUpdate : transaction.dialect.skipLocked
        let extended = try transaction.rows(
            """
            WITH claim (id, fence) AS (VALUES \(query: Self.claims(items))),
            held AS (
                SELECT w.id FROM claim c JOIN work_item w ON w.id = c.id
                WHERE w.fence = c.fence AND w.owner = \(owner) \(query: locking))
            UPDATE work_item SET visible_at = \(leaseEnd) WHERE id IN (SELECT id FROM held) RETURNING id, fence
            """)
        let fences = Dictionary(
            uniqueKeysWithValues: try extended.map { row -> (Identifier<WorkItemKind>, Int64) in
                (try row["id"], try row["fence"])
            })
        return Set(items.indices.filter { fences[items[$0].id] == items[$0].fence })
    }

    /// Makes due what an earlier process of a single-process database held when it died.
    public func releaseAbandoned(at now: Timestamp, in transaction: any Transaction) throws -> Int {
        guard transaction.dialect.isSingleProcess else { return 0 }
        return try transaction.execute(
            "UPDATE work_item SET owner = NULL, visible_at = \(now) WHERE owner IS NOT NULL AND owner <> \(owner)")
    }

    private func settle(
        _ item: WorkItem, visibleAt time: Timestamp, at now: Timestamp, resetsAttempts: Bool, error: String?,
        in transaction: any Transaction
    ) throws {
        let settled = try transaction.row(
            """
            UPDATE work_item
            SET owner = NULL, last_error = \(error?.storable),
                attempts = CASE WHEN \(resetsAttempts) = 1 THEN 0 ELSE attempts END,
                visible_at = CASE WHEN wakes > claimed_wakes THEN CAST(\(now) AS BIGINT) ELSE CAST(\(time) AS BIGINT) END
            WHERE id = \(item.id) AND fence = \(item.fence) AND owner IS NOT NULL
            RETURNING visible_at
            """)
        guard let settled else { throw WorkQueueError.leaseLost }
        if try settled["visible_at"] <= now { transaction.signal(Self.topic(item.kind)) }
    }

    private static func claims(_ items: [WorkItem]) -> SQLQuery {
        BatchRows.joined(
            items.map { "(\($0.id), CAST(\($0.fence) AS BIGINT))" }, filler: ["", 0])
    }
}
