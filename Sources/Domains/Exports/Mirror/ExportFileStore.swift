import CausewayCore
import Storage

/// The table of exports' files. What readers of an export need of it stands in the export as well, written in the same
/// transaction, so that reading an export is reading one row.
struct ExportFileStore: Sendable {
    // MARK: Reading

    func files(of export: ExportID, in transaction: any Transaction) throws -> [ExportFileRow] {
        try transaction.all("SELECT * FROM export_file WHERE export_id = \(export) ORDER BY position")
    }

    func file(of export: ExportID, at position: Int, in transaction: any Transaction) throws -> ExportFileRow? {
        try transaction.first("SELECT * FROM export_file WHERE export_id = \(export) AND position = \(position)")
    }

    // MARK: The way into the mirror

    /// False where it is on its way already.
    func add(
        _ name: String, to export: ExportID, at position: Int, in transaction: any Transaction
    ) throws -> Bool {
        try transaction.execute(
            """
            INSERT INTO export_file (export_id, position, name, state, part_size)
            VALUES (\(export), \(position), \(name), 'pending', 0)
            ON CONFLICT (export_id, position) DO NOTHING
            """) == 1
    }

    /// From now on the file is written under a new name. False where another writer has begun since `file` was read.
    func begin(_ file: ExportFileRow, storedName: String, in transaction: any Transaction) throws -> Bool {
        try transaction.execute(
            """
            UPDATE export_file
            SET stored_name = \(storedName), part_size = 0, part_total = NULL, part_validator = NULL
            WHERE export_id = \(file.exportID) AND position = \(file.position) AND state = 'pending'
                AND COALESCE(stored_name, '') = \(file.storedName ?? "")
            """) == 1
    }

    /// What of it is on the disk for good. False where another writer has begun.
    func checkpoint(
        _ file: ExportFileRow, storedName: String, size: Int64, total: Int64?, validator: String?,
        in transaction: any Transaction
    ) throws -> Bool {
        try transaction.execute(
            """
            UPDATE export_file
            SET part_size = \(size), part_total = \(total), part_validator = \(validator)
            WHERE export_id = \(file.exportID) AND position = \(file.position) AND state = 'pending'
                AND stored_name = \(storedName)
            """) == 1
    }

    /// False where another writer has begun, or it was mirrored or lost meanwhile.
    func finish(
        _ file: ExportFileRow, storedName: String, size: Int64, sha256: String, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> Bool {
        try transaction.execute(
            """
            UPDATE export_file
            SET state = 'mirrored', size = \(size), sha256 = \(sha256), mirrored_at = \(now), part_total = NULL,
                part_validator = NULL
            WHERE export_id = \(file.exportID) AND position = \(file.position) AND state = 'pending'
                AND stored_name = \(storedName)
            """) == 1
    }

    func lose(_ file: ExportFileRow, why: String, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE export_file SET state = 'lost', why = \(why)
            WHERE export_id = \(file.exportID) AND position = \(file.position) AND state = 'pending'
            """)
    }

    // MARK: The export they belong to

    /// Writes into the export, which was read to be changed, what readers need of its files.
    func show(
        _ files: [ExportFileRow], in export: ExportID, mirroredAt: Timestamp?, removedAt: Timestamp?,
        _ transaction: any Transaction
    ) throws {
        let shown = JSONText.encode(files.compactMap(\.mirrored))
        try transaction.execute(
            """
            UPDATE export
            SET mirror = \(shown), mirrored_at = \(mirroredAt), files_removed_at = \(removedAt), revision = revision + 1
            WHERE id = \(export)
            """)
        transaction.signal(ExportStore.topic(export))
    }

    // MARK: Retention

    /// Exports with files in the mirror and none on its way there, of the oldest files first.
    /// - Parameter earliest: only those mirrored up to then.
    func oldest(
        mirroredBy latest: Timestamp, limit: Int, in transaction: any Transaction
    ) throws -> [(export: ExportID, size: Int64)] {
        try transaction.rows(
            """
            SELECT export_id, size FROM export_file
            WHERE state = 'mirrored' AND mirrored_at <= \(latest) AND NOT EXISTS (
                SELECT 1 FROM export_file other
                WHERE other.export_id = export_file.export_id AND other.state = 'pending')
            ORDER BY mirrored_at LIMIT \(limit)
            """
        ).map { (try $0["export_id"], try $0["size"]) }
    }

    func newest(in transaction: any Transaction) throws -> ExportID? {
        let row = try transaction.row(
            "SELECT export_id FROM export_file WHERE state = 'mirrored' ORDER BY mirrored_at DESC LIMIT 1")
        return try row?["export_id"]
    }

    /// Of all files in the mirror, in bytes.
    func totalSize(in transaction: any Transaction) throws -> Int64 {
        let total: Int64? = try transaction.row(
            "SELECT CAST(SUM(size) AS BIGINT) AS total FROM export_file WHERE state = 'mirrored'")?["total"]
        return total ?? 0
    }

    /// Returns the names in the file store of what was removed.
    func remove(
        filesOf export: ExportID, why: String, at now: Timestamp, in transaction: any Transaction
    ) throws -> [String] {
        try transaction.rows(
            """
            UPDATE export_file SET state = 'removed', removed_at = \(now), why = \(why)
            WHERE export_id = \(export) AND state = 'mirrored' RETURNING stored_name
            """
        ).map { try $0["stored_name"] }
    }

    /// Which of these names in the file store belong to files that are there or on their way.
    func inUse(_ names: some Sequence<String>, in transaction: any Transaction) throws -> Set<String> {
        Set(
            try transaction.rows(
                """
                SELECT stored_name FROM export_file
                WHERE stored_name IN \(list: names) AND state IN ('pending', 'mirrored')
                """
            ).map { try $0["stored_name"] })
    }
}
