public import CausewayCore
public import Storage

/// The table of exports.
public struct ExportStore: Sendable {
    public static func topic(_ id: ExportID) -> SignalTopic { SignalTopic("export:\(id)") }

    public init() {}

    // MARK: Reading

    /// - Parameter toChange: waits for whoever is changing it and holds off others until the transaction ends. Whoever
    ///   changes an export reads it so before anything else is written: then no two wait for one another (member's lock,
    ///   export, fact, work, event).
    public func export(_ id: ExportID, toChange: Bool = false, in transaction: any Transaction) throws -> Export? {
        try one("id = \(id)", toChange, transaction)
    }

    /// - Parameter key: `vrex_…`
    public func export(
        vendorKey key: String, toChange: Bool = false, in transaction: any Transaction
    ) throws -> Export? {
        try one("vendor_key = \(key)", toChange, transaction)
    }

    func export(hookToken token: String, toChange: Bool = false, in transaction: any Transaction) throws -> Export? {
        try one("hook_token = \(token)", toChange, transaction)
    }

    /// The one of ours that is on its way for the same three, to be changed; the unique index allows no second.
    func inFlight(
        report: String, memberEmail: String, showUnexpanded: Bool, in transaction: any Transaction
    ) throws -> Export? {
        try one(
            """
            report = \(report) AND member_email = \(memberEmail) AND show_unexpanded = \(showUnexpanded)
                AND hook_token IS NOT NULL AND status IN ('requested', 'deferred', 'queued')
            """, true, transaction)
    }

    /// Grows with each change of what is shown.
    func revision(of id: ExportID, in transaction: any Transaction) throws -> (ExportID, Int64)? {
        try transaction.rows("SELECT id, revision FROM export WHERE id = \(id)").first.map {
            (try $0["id"], try $0["revision"])
        }
    }

    func revision(vendorKey key: String, in transaction: any Transaction) throws -> (ExportID, Int64)? {
        try transaction.rows("SELECT id, revision FROM export WHERE vendor_key = \(key)").first.map {
            (try $0["id"], try $0["revision"])
        }
    }

    /// Whether a trigger of ours for the report is out, or may be, and the vendor's key of what it made is not known.
    func isTriggerInDoubt(report: String, in transaction: any Transaction) throws -> Bool {
        try transaction.row(
            """
            SELECT id FROM export
            WHERE report = \(report) AND hook_token IS NOT NULL AND status IN ('requested', 'deferred', 'queued')
                AND vendor_key IS NULL AND (trigger_state <> 'idle' OR doubt_since IS NOT NULL)
            LIMIT 1
            """) != nil
    }

    private func one(_ condition: SQLQuery, _ toChange: Bool, _ transaction: any Transaction) throws -> Export? {
        let lock = toChange ? transaction.dialect.forUpdate : ""
        return try transaction.first("SELECT * FROM export WHERE \(query: condition) \(query: lock)")
    }

    /// The newest success for the same three since `earliest` whose files can be had: they are mirrored, or the links
    /// still live at `now`.
    func success(
        report: String, memberEmail: String, showUnexpanded: Bool, since earliest: Timestamp, now: Timestamp,
        in transaction: any Transaction
    ) throws -> Export? {
        try transaction.first(
            """
            SELECT * FROM export
            WHERE report = \(report) AND member_email = \(memberEmail) AND show_unexpanded = \(showUnexpanded)
                AND status = 'success' AND completed_at >= \(earliest) AND source = 'api'
                AND files_removed_at IS NULL
                AND (mirrored_at IS NOT NULL OR expires_at IS NULL OR expires_at > \(now))
            ORDER BY completed_at DESC LIMIT 1
            """)
    }

    /// Newest first; each filter is any of its values, none where empty.
    public func list(
        _ page: PageRequest, status: [ExportStatus] = [], report: [String] = [], source: [String] = [],
        in transaction: any Transaction
    ) throws -> Page<Export> {
        var conditions: [SQLQuery] = []
        if !status.isEmpty { conditions.append("status IN \(list: status)") }
        if !report.isEmpty { conditions.append("report IN \(list: report)") }
        if !source.isEmpty { conditions.append("source IN \(list: source)") }
        if let after = page.after { conditions.append("id < \(after)") }
        let found: [Export] = try transaction.all(
            "SELECT * FROM export WHERE \(query: .all(conditions)) ORDER BY id DESC LIMIT \(page.limit + 1)")
        return Page(fetched: found, limit: page.limit, key: \.id.text)
    }

    /// Exports at the vendor whose end is not known, the oldest first.
    func queued(limit: Int, in transaction: any Transaction) throws -> [ExportID] {
        try transaction.rows("SELECT id FROM export WHERE status = 'queued' ORDER BY id LIMIT \(limit)").map {
            try $0["id"]
        }
    }

    // MARK: Writing

    /// False where an export for the same three is in flight, or another has the same vendor's key.
    func insert(_ export: Export, in transaction: any Transaction) throws -> Bool {
        let added = try transaction.execute(
            """
            INSERT INTO export (
                id, vendor_key, report, member_email, show_unexpanded, status, source, report_type, requests, metadata,
                when_limited, requested_at, queued_at, completed_at, expires_at, not_before, trigger_state, sent_at,
                doubt_since, retrying_since, slot_at, entity, error, seen_webhook, seen_event, seen_poll, claimed_key,
                hook_token, revision)
            VALUES (
                \(export.id), \(export.vendorKey), \(export.report), \(export.memberEmail), \(export.showUnexpanded),
                \(export.status), \(export.source), \(export.reportType), \(export.requests), \(export.metadata),
                \(export.whenLimited), \(export.requestedAt), \(export.queuedAt), \(export.completedAt),
                \(export.expiresAt), \(export.notBefore), \(export.triggerState), \(export.sentAt),
                \(export.doubtSince), \(export.retryingSince), \(export.slotAt), \(export.entity),
                \(export.error.map { JSONText.encode($0) }), \(export.seenBy[.webhook]), \(export.seenBy[.event]),
                \(export.seenBy[.poll]), \(export.claimedKey), \(export.hookToken?.reveal()), 1)
            ON CONFLICT DO NOTHING
            """)
        transaction.signal(Self.topic(export.id))
        return added == 1
    }

    /// Writes what can change, but for what `ExportFileStore` writes. Throws `StorageError.conflict` where the export was changed since it was read.
    func update(_ export: Export, in transaction: any Transaction) throws {
        let changed = try transaction.execute(
            """
            UPDATE export SET
                vendor_key = \(export.vendorKey), status = \(export.status), report_type = \(export.reportType),
                requests = \(export.requests), when_limited = \(export.whenLimited), queued_at = \(export.queuedAt),
                completed_at = \(export.completedAt), expires_at = \(export.expiresAt),
                not_before = \(export.notBefore), trigger_state = \(export.triggerState), sent_at = \(export.sentAt),
                doubt_since = \(export.doubtSince), retrying_since = \(export.retryingSince),
                slot_at = \(export.slotAt), entity = \(export.entity),
                error = \(export.error.map { JSONText.encode($0) }), seen_webhook = \(export.seenBy[.webhook]),
                seen_event = \(export.seenBy[.event]), seen_poll = \(export.seenBy[.poll]),
                claimed_key = \(export.claimedKey), revision = revision + 1
            WHERE id = \(export.id) AND revision = \(export.revision)
            """)
        guard changed == 1 else { throw StorageError.conflict }
        transaction.signal(Self.topic(export.id))
    }
}
