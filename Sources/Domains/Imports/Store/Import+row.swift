import CausewayCore
public import Storage

extension ImportObject: SQLConvertible {}
extension ProblemCode: SQLConvertible {}

extension Import: RowDecodable {
    /// Its chunks are rows of their own, where they were begun: `ImportStore` adds them.
    public init(row: ResultRow) throws {
        id = try row["id"]
        object = try row["object"]
        mode = try row["mode"]
        state = try row["state"]
        group = try row["group_key"]
        sendsInvites = try row["sends_invites"]
        filename = try row["filename"]
        file = ImportFileFacts(
            size: try row["size"], sha256: try row["sha256"], encoding: try row["encoding"],
            delimiter: try row["delimiter"], isNormalized: try row["is_normalized"],
            blankRows: try row["blank_rows"])
        rows = ImportRowCounts(total: try row["rows_total"], valid: try row["rows_valid"])
        problems = ImportProblemCounts(
            total: try row["problems_total"], stored: try row["problems_stored"],
            first: try JSONText.decode([RowProblem].self, from: try row["first_problems"]))
        amounts = try JSONText.decode([AmountTotal].self, from: try row["amounts"])
        approvalReasons = try JSONText.decode([ApprovalReason].self, from: try row["approval_reasons"])
        approvalExpiresAt = try row["approval_expires_at"]
        let firstWarnings: String? = try row["first_warnings"]
        warnings = ImportProblemCounts(
            total: try row["warnings_total"], stored: try row["warnings_stored"],
            first: try firstWarnings.map { try JSONText.decode([RowProblem].self, from: $0) } ?? [])
        contentFingerprint = try row["content_fingerprint"]
        rowScope = try row["row_scope"]
        isRewritten = try row["is_rewritten"]
        isResendable = try row["is_resendable"]
        isForced = try row["is_forced"]
        caller = try row["caller"]
        cut = ImportCut(count: try row["chunk_count"], rows: rows.valid, rowsEach: try row["chunk_rows"])
        takenChunks = try row["chunks_taken"]
        cancelRequestedAt = try row["cancel_requested_at"]
        let error: String? = try row["error"]
        self.error = try error.map { try JSONText.decode(ImportError.self, from: $0) }
        createdAt = try row["created_at"]
        endedAt = try row["ended_at"]
        round = try row["round"]
        revision = try row["revision"]
    }
}

extension ImportChunk: RowDecodable {
    public init(row: ResultRow) throws {
        number = try row["number"]
        rows = try row["row_count"]
        state = try row["state"]
        attempts = try row["attempts"]
        sentAt = try row["sent_at"]
        answer = try row["answer"]
        resolution = try row["resolution"]
    }
}

extension RowProblem: RowDecodable {
    public init(row: ResultRow) throws {
        self.init(
            row: try row["row_number"], line: try row["line"], byteOffset: try row["byte_offset"],
            column: try row["column_name"], code: try row["code"], value: try row["value"],
            message: try row["message"], suggestion: try row["suggestion"])
    }
}
