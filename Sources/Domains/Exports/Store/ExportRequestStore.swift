import CausewayCore
import Storage

enum ExportRequestKind: IdentifierKind { static let prefix = "req" }

/// Who asked for an export and has not withdrawn.
struct ExportRequestStore: Sendable {
    func add(
        to export: ExportID, caller: String, metadata: JSONValue, at now: Timestamp, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO export_request (id, export_id, caller, metadata, requested_at, withdrawn_at)
            VALUES (\(Identifier<ExportRequestKind>(at: now)), \(export), \(caller), \(metadata), \(now), NULL)
            """)
    }

    /// Takes back the caller's latest request; all of everybody's where `caller` is nil. Returns how many.
    func withdraw(
        from export: ExportID, caller: String?, at now: Timestamp, in transaction: any Transaction
    ) throws -> Int {
        guard let caller else {
            return try transaction.execute(
                """
                UPDATE export_request SET withdrawn_at = \(now)
                WHERE export_id = \(export) AND withdrawn_at IS NULL
                """)
        }
        return try transaction.execute(
            """
            UPDATE export_request SET withdrawn_at = \(now)
            WHERE id = (
                SELECT id FROM export_request
                WHERE export_id = \(export) AND caller = \(caller) AND withdrawn_at IS NULL
                ORDER BY id DESC LIMIT 1)
            """)
    }

    func hasAsked(_ caller: String, for export: ExportID, in transaction: any Transaction) throws -> Bool {
        try transaction.row(
            "SELECT id FROM export_request WHERE export_id = \(export) AND caller = \(caller) LIMIT 1") != nil
    }
}
