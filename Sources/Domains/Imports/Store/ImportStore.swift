public import CausewayCore
public import Storage

/// The tables of imports and their chunks.
public struct ImportStore: Sendable {
    public static func topic(_ id: ImportID) -> SignalTopic { SignalTopic("import:\(id)") }

    public init() {}

    // MARK: Reading

    /// - Parameter toChange: waits for whoever is changing it and holds off others until the transaction ends. Whoever
    ///   changes an import reads it so before anything else is written: then no two wait for one another (import,
    ///   fingerprint's lock, work, event).
    public func find(_ id: ImportID, toChange: Bool = false, in transaction: any Transaction) throws -> Import? {
        let lock = toChange ? transaction.dialect.forUpdate : ""
        let found: Import? = try transaction.first("SELECT * FROM import WHERE id = \(id) \(query: lock)")
        return try found.map { try withChunks([$0], in: transaction)[0] }
    }

    /// Newest first; each filter is any of its values, none where empty.
    public func list(
        _ page: PageRequest, object: [ImportObject] = [], state: [ImportState] = [], in transaction: any Transaction
    ) throws -> Page<Import> {
        var conditions: [SQLQuery] = []
        if !object.isEmpty { conditions.append("object IN \(list: object)") }
        if !state.isEmpty { conditions.append("state IN \(list: state)") }
        if let after = page.after { conditions.append("id < \(after)") }
        let found: [Import] = try transaction.all(
            "SELECT * FROM import WHERE \(query: .all(conditions)) ORDER BY id DESC LIMIT \(page.limit + 1)")
        return Page(fetched: try withChunks(found, in: transaction), limit: page.limit, key: \.id.text)
    }

    /// In what two imports are the same.
    enum Sameness {
        case bytes(fingerprint: String)
        /// However they are written.
        case rows(fingerprint: String)

        fileprivate var condition: SQLQuery {
            switch self {
            case .bytes(let fingerprint): "fingerprint = \(fingerprint)"
            case .rows(let fingerprint): "content_fingerprint = \(fingerprint)"
            }
        }
    }

    /// The first import of the same that forwarded something since `earliest`, or still may.
    func same(
        _ sameness: Sameness, since earliest: Timestamp, among others: OtherImports, in transaction: any Transaction
    ) throws -> Import? {
        try transaction.first(
            """
            SELECT * FROM import
            WHERE \(query: sameness.condition) AND counts_as_duplicate = 1
                AND (ended_at IS NULL OR ended_at > \(earliest)) AND id <> \(others.own) AND created_at >= \(others.from)
            ORDER BY created_at LIMIT 1
            """)
    }

    private func withChunks(_ imports: [Import], in transaction: any Transaction) throws -> [Import] {
        guard !imports.isEmpty else { return [] }
        var begun: [ImportID: [Int: ImportChunk]] = [:]
        // However many there are, no more are read than an import shows.
        let rows = try transaction.rows(
            """
            SELECT c.* FROM import i JOIN import_chunk c ON c.import_id = i.id
            WHERE i.id IN \(list: imports.map(\.id))
                AND c.number > i.chunks_taken - \(ImportCut.shownAtMost)
                AND c.number <= i.chunks_taken + \(ImportCut.shownAtMost)
            """)
        for row in rows {
            let chunk = try ImportChunk(row: row)
            begun[try row["import_id"], default: [:]][chunk.number] = chunk
        }
        return imports.map { found in
            var found = found
            found.show(begun[found.id] ?? [:])
            return found
        }
    }

    /// Imports that nobody has approved in time.
    func unapproved(at now: Timestamp, limit: Int, in transaction: any Transaction) throws -> [ImportID] {
        try transaction.rows(
            """
            SELECT id FROM import WHERE state = 'awaiting_approval' AND approval_expires_at <= \(now)
            ORDER BY id LIMIT \(limit)
            """
        ).map { try $0["id"] }
    }

    /// Imports that ended before `time`, oldest first.
    func ended(before time: Timestamp, limit: Int, in transaction: any Transaction) throws -> [ImportID] {
        try transaction.rows("SELECT id FROM import WHERE ended_at < \(time) ORDER BY ended_at LIMIT \(limit)")
            .map { try $0["id"] }
    }

    // MARK: Writing

    func insert(_ new: Import, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO import (
                id, object, mode, state, group_key, sends_invites, filename, size, sha256, fingerprint, encoding,
                delimiter, is_normalized, is_rewritten, is_resendable, is_forced, caller, rows_total, rows_valid,
                problems_total, problems_stored, first_problems, warnings_total, warnings_stored, first_warnings,
                content_fingerprint, row_scope, error, counts_as_duplicate, created_at, ended_at, round, revision,
                chunk_count, chunk_rows, amounts, approval_reasons, approval_expires_at, blank_rows)
            VALUES (
                \(new.id), \(new.object), \(new.mode), \(new.state), \(new.group), \(new.sendsInvites),
                \(new.filename), \(new.file.size), \(new.file.sha256), \(new.fingerprint), \(new.file.encoding),
                \(new.file.delimiter), \(new.file.isNormalized), \(new.isRewritten), \(new.isResendable),
                \(new.isForced), \(new.caller), \(new.rows.total), \(new.rows.valid), \(new.problems.total),
                \(new.problems.stored), \(JSONText.encode(new.problems.first)), \(new.warnings.total),
                \(new.warnings.stored), \(JSONText.encode(new.warnings.first)), \(new.contentFingerprint), \(new.rowScope),
                \(new.error.map { JSONText.encode($0) }), \(new.countsAsDuplicate), \(new.createdAt), \(new.endedAt),
                \(new.round), 1, \(new.cut.count), \(new.cut.rowsEach), \(JSONText.encode(new.amounts)),
                \(JSONText.encode(new.approvalReasons)), \(new.approvalExpiresAt), \(new.file.blankRows))
            """)
    }

    /// Writes what can change. Throws `StorageError.conflict` where the import was changed since it was read.
    /// - Parameter before: as it was read; only chunks that differ are written.
    func update(_ changed: Import, from before: Import, in transaction: any Transaction) throws {
        let count = try transaction.execute(
            """
            UPDATE import SET
                state = \(changed.state), error = \(changed.error.map { JSONText.encode($0) }),
                counts_as_duplicate = \(changed.countsAsDuplicate), ended_at = \(changed.endedAt),
                round = \(changed.round), chunks_taken = \(changed.takenChunks),
                cancel_requested_at = \(changed.cancelRequestedAt), revision = revision + 1
            WHERE id = \(changed.id) AND revision = \(changed.revision)
            """)
        guard count == 1 else { throw StorageError.conflict }
        for (chunk, old) in zip(changed.chunks, before.chunks) where chunk != old {
            try transaction.execute(
                """
                INSERT INTO import_chunk (import_id, number, row_count, state, attempts, sent_at, answer, resolution)
                VALUES (
                    \(changed.id), \(chunk.number), \(chunk.rows), \(chunk.state), \(chunk.attempts),
                    \(chunk.sentAt), \(chunk.answer), \(chunk.resolution))
                ON CONFLICT (import_id, number) DO UPDATE SET
                    state = excluded.state, attempts = excluded.attempts, sent_at = excluded.sent_at,
                    answer = excluded.answer, resolution = excluded.resolution
                """)
        }
        transaction.signal(Self.topic(changed.id))
    }

    // MARK: Removing

    /// Removes at most `limit` rows of an import that ended before `time`, itself last. Returns whether some are left.
    func remove(
        _ id: ImportID, endedBefore time: Timestamp, limit: Int, in transaction: any Transaction
    ) throws -> Bool {
        // It may have been tried again meanwhile.
        let found = try transaction.row(
            "SELECT id FROM import WHERE id = \(id) AND ended_at < \(time) \(query: transaction.dialect.forUpdate)")
        guard found != nil else { return false }
        let removed =
            try transaction.execute(
                """
                DELETE FROM import_problem WHERE import_id = \(id) AND number IN (
                    SELECT number FROM import_problem WHERE import_id = \(id) ORDER BY number LIMIT \(limit))
                """)
            + transaction.execute(
                """
                DELETE FROM import_chunk WHERE import_id = \(id) AND number IN (
                    SELECT number FROM import_chunk WHERE import_id = \(id) ORDER BY number LIMIT \(limit))
                """)
        if removed > 0 { return true }
        try transaction.execute("DELETE FROM import_chunk_offsets WHERE import_id = \(id)")
        try transaction.execute("DELETE FROM import WHERE id = \(id)")
        return false
    }
}
