public import CausewayCore
public import Storage

/// The facts in the order in which they were committed.
///
/// The order is taken from one counter row that is updated in the publishing transaction: its lock is held until
/// the commit, so a reader that has seen number n will never meet a smaller one later, on any engine.
public struct EventLog: Sendable {
    public static let topic: SignalTopic = "events"

    public init() {}

    /// Publishes a fact as part of the caller's transaction, at its end if it can: until the commit nobody else
    /// publishes. False where it was published before.
    @discardableResult
    public func append(_ draft: EventDraft, in transaction: any Transaction) throws -> Bool {
        try append([draft], in: transaction) == 1
    }

    /// The same for several, in their order. Returns how many are new.
    @discardableResult
    public func append(_ drafts: [EventDraft], in transaction: any Transaction) throws -> Int {
        guard !drafts.isEmpty else { return 0 }
        guard
            let counter = try transaction.row(
                "UPDATE event_sequence SET last = last + \(drafts.count) WHERE name = 'event_log' RETURNING last")
        else { throw StorageError.failed(detail: "the event log has no counter") }
        let first: Int64 = try counter["last"] - Int64(drafts.count) + 1
        let rows = zip(first..., drafts).map { sequence, draft -> SQLQuery in
            """
            (CAST(\(sequence) AS BIGINT), \(draft.id), \(draft.type), CAST(\(draft.timestamp) AS BIGINT),
             \(draft.resource), \(JSONText.encode(draft.attributes)), \(draft.data))
            """
        }
        let added = try transaction.execute(
            """
            WITH draft (sequence, id, type, occurred_at, resource, attributes, data) AS (
                VALUES \(query: BatchRows.joined(rows, filler: [0, "", "", 0, "", "", ""])))
            INSERT INTO event_log (sequence, id, type, occurred_at, resource, attributes, data)
            SELECT sequence, id, type, occurred_at, resource, attributes, data FROM draft WHERE sequence > 0
            ON CONFLICT (id) DO NOTHING
            """)
        if added > 0 { transaction.signal(Self.topic) }
        return added
    }

    /// - Parameter isKept: whether the event must be there until the transaction's end, whoever removes old ones.
    public func event(
        _ id: EventID, isKept: Bool = false, in transaction: any Transaction
    ) throws -> Event? {
        try transaction.first(
            """
            SELECT * FROM event_log WHERE id = \(id)
            \(query: isKept ? transaction.dialect.forShare(of: "event_log") : "")
            """)
    }

    /// Events after a place in the log, oldest first.
    /// - Parameter hidden: a type that is left out; a rare one, since its events are read and passed over.
    public func events(
        after sequence: Int64, hiding hidden: String? = nil, limit: Int, in transaction: any Transaction
    ) throws -> [Event] {
        let filter: SQLQuery = hidden.map { "AND type <> \($0)" } ?? ""
        return try transaction.all(
            """
            SELECT * FROM event_log WHERE sequence > \(sequence) \(query: filter)
            ORDER BY sequence LIMIT \(limit)
            """)
    }

    /// The same of some types alone, however rare they are: the first of each by the index, and of these the first.
    public func events(
        of types: [String], after sequence: Int64, limit: Int, in transaction: any Transaction
    ) throws -> [Event] {
        let each = types.map { type -> SQLQuery in
            """
            SELECT * FROM (
                SELECT * FROM event_log WHERE type = \(type) AND sequence > \(sequence)
                ORDER BY sequence LIMIT \(limit)) AS events
            """
        }
        return try transaction.all(
            "SELECT * FROM (\(query: each.joined(by: " UNION ALL "))) AS events ORDER BY sequence LIMIT \(limit)")
    }

    /// The bodies of events by their places in the log.
    /// - Parameter withAttributes: whether somebody needs those; they can be as long as the data.
    public func envelopes(
        at sequences: some Collection<Int64>, withAttributes: Bool = false, in transaction: any Transaction
    ) throws -> [Int64: EventEnvelope] {
        let attributes: SQLQuery = withAttributes ? "attributes" : "NULL AS attributes"
        let found: [EventEnvelope] = try transaction.all(
            """
            SELECT sequence, id, type, occurred_at, resource, data, \(query: attributes) FROM event_log
            WHERE sequence IN \(query: BatchRows.numbers(sequences))
            """)
        return Dictionary(uniqueKeysWithValues: found.map { ($0.sequence, $0) })
    }

    /// Where the events of a time begin: each before this place happened earlier, as far as the clocks of those who told
    /// of them agree.
    public func place(of time: Timestamp, in transaction: any Transaction) throws -> Int64 {
        var (low, high) = (Int64(1), try lastSequence(in: transaction) + 1)
        while low < high {
            let middle = low + (high - low) / 2
            let row = try transaction.row(
                "SELECT sequence, occurred_at FROM event_log WHERE sequence >= \(middle) ORDER BY sequence LIMIT 1")
            guard let row, try (row["occurred_at"] as Timestamp) < time else {
                high = middle
                continue
            }
            low = try row["sequence"] + 1
        }
        return low
    }

    /// The place of an event; nil where there is none with this id.
    public func place(of id: EventID, in transaction: any Transaction) throws -> Int64? {
        try transaction.row("SELECT sequence FROM event_log WHERE id = \(id)")?["sequence"]
    }

    /// The place of the newest event, 0 before the first.
    public func lastSequence(in transaction: any Transaction) throws -> Int64 {
        try transaction.row("SELECT last FROM event_sequence WHERE name = 'event_log'")?["last"] ?? 0
    }
}
