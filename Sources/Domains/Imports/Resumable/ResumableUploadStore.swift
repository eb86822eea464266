import CausewayCore
public import Storage

/// The table of uploads that come in several requests.
struct ResumableUploadStore: Sendable {
    /// Signalled when somebody wants to write to it.
    static func topic(_ id: UploadID) -> SignalTopic { SignalTopic("upload:\(id)") }

    func find(_ id: UploadID, in transaction: any Transaction) throws -> ResumableUpload? {
        try transaction.first("SELECT * FROM upload WHERE id = \(id)")
    }

    func insert(_ new: ResumableUpload, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO upload (
                id, caller, request, headers, received, length, is_complete, created_at, expires_at)
            VALUES (
                \(new.id), \(new.caller), \(JSONText.encode(new.request)), \(JSONText.encode(new.headers)),
                \(new.received), \(new.length), \(new.isComplete), \(new.createdAt), \(new.expiresAt))
            """)
    }

    /// Tells whoever writes to it that another wants to.
    func claim(_ id: UploadID, as claim: String, in transaction: any Transaction) throws {
        try transaction.execute("UPDATE upload SET claim = \(claim) WHERE id = \(id)")
        transaction.signal(Self.topic(id))
    }

    /// Writes down how far it is. By who holds its file.
    func update(_ changed: ResumableUpload, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE upload SET
                received = \(changed.received), length = \(changed.length), is_complete = \(changed.isComplete),
                refusal = \(changed.refusal.map { $0.text }), expires_at = \(changed.expiresAt)
            WHERE id = \(changed.id)
            """)
    }

    /// False where it has become another import, or is gone: then nothing may come of it.
    func complete(_ id: UploadID, as importID: ImportID, in transaction: any Transaction) throws -> Bool {
        try transaction.execute(
            "UPDATE upload SET import_id = \(importID) WHERE id = \(id) AND import_id IS NULL") > 0
    }

    @discardableResult
    func remove(_ id: UploadID, in transaction: any Transaction) throws -> Bool {
        try transaction.execute("DELETE FROM upload WHERE id = \(id)") > 0
    }

    /// Whether its time was still over.
    func removeExpired(_ id: UploadID, at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        try transaction.execute("DELETE FROM upload WHERE id = \(id) AND expires_at <= \(now)") > 0
    }

    /// Those whose time is over, the oldest first.
    func expired(at now: Timestamp, limit: Int, in transaction: any Transaction) throws -> [ResumableUpload] {
        try transaction.all(
            "SELECT * FROM upload WHERE expires_at <= \(now) ORDER BY expires_at LIMIT \(limit)")
    }
}

extension ResumableUpload: RowDecodable {
    public init(row: ResultRow) throws {
        id = try row["id"]
        caller = try row["caller"]
        request = try JSONText.decode(ImportRequest.self, from: try row["request"])
        headers = try JSONText.decode([String: String].self, from: try row["headers"])
        received = try row["received"]
        length = try row["length"]
        isComplete = try row["is_complete"]
        importID = try row["import_id"]
        let refusal: String? = try row["refusal"]
        self.refusal = try refusal.map { try JSONValue(parsing: $0) }
        claim = try row["claim"]
        createdAt = try row["created_at"]
        expiresAt = try row["expires_at"]
    }
}
