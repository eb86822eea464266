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

    /// Takes up to `limit` due items of a kind, the longest due first, until `leaseEnd`.
    public func claim(
        _ kind: String, limit: Int, at now: Timestamp, until leaseEnd: Timestamp, in transaction: any Transaction
    ) throws -> [WorkItem] {
        try transaction.all(
            """
            UPDATE work_item
            SET visible_at = \(leaseEnd), owner = \(owner), attempts = attempts + 1, fence = fence + 1,
                claimed_wakes = wakes
            WHERE id IN (
                SELECT id FROM work_item
                WHERE kind = \(kind) AND visible_at <= \(now) AND buried_at IS NULL
                ORDER BY visible_at LIMIT \(limit) \(query: transaction.dialect.skipLocked))
            RETURNING *
            """)
    }

    /// When the next item of a kind comes due (or its lease ends); nil where there is none.
    public func nextDue(_ kind: String, in transaction: any Transaction) throws -> Timestamp? {
        try transaction.row(
            "SELECT MIN(visible_at) AS next FROM work_item WHERE kind = \(kind) AND buried_at IS NULL")?["next"]
    }

    /// The item is done and goes, unless it was enqueued again meanwhile: then it is due at once.
    public func complete(_ item: WorkItem, at now: Timestamp, in transaction: any Transaction) throws {
        let removed = try transaction.execute(
            """
            DELETE FROM work_item
            WHERE id = \(item.id) AND fence = \(item.fence) AND owner IS NOT NULL AND wakes = claimed_wakes
            """)
        if removed == 0 {
            try settle(item, visibleAt: now, at: now, resetsAttempts: true, error: nil, in: transaction)
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
            UPDATE work_item SET owner = NULL, buried_at = \(now), last_error = \(error)
            WHERE id = \(item.id) AND fence = \(item.fence) AND owner IS NOT NULL
            """)
        if changed == 0 { throw WorkQueueError.leaseLost }
    }

    /// Moves the lease's end of items this process still works on.
    func extend(_ items: [WorkItem], until leaseEnd: Timestamp, in transaction: any Transaction) throws {
        for item in items {
            try transaction.execute(
                """
                UPDATE work_item SET visible_at = \(leaseEnd)
                WHERE id = \(item.id) AND fence = \(item.fence) AND owner = \(owner)
                """)
        }
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
        let changed = try transaction.execute(
            """
            UPDATE work_item
            SET owner = NULL, last_error = \(error),
                attempts = CASE WHEN \(resetsAttempts) = 1 THEN 0 ELSE attempts END,
                visible_at = CASE WHEN wakes > claimed_wakes THEN CAST(\(now) AS BIGINT) ELSE CAST(\(time) AS BIGINT) END
            WHERE id = \(item.id) AND fence = \(item.fence) AND owner IS NOT NULL
            """)
        if changed == 0 { throw WorkQueueError.leaseLost }
        transaction.signal(Self.topic(item.kind))
    }
}
