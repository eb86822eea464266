import CausewayCore
import Storage

/// One file of an export that was mirrored, as readers of the export see it.
public struct MirroredFile: Sendable, Hashable, Codable {
    public let name: String
    /// In bytes.
    public let size: Int64
    /// Lower-case hexadecimal.
    public let sha256: String
    /// When it was removed again, in milliseconds; nil while it is there.
    public let removedAt: Int64?

    public var isThere: Bool { removedAt == nil }
}

/// How far a file of an export is on its way into the mirror.
///
///     pending ──▶ mirrored ──retention──▶ removed
///        └──links died──▶ lost
enum ExportFileState: String, Sendable, SQLConvertible {
    case pending
    case mirrored
    case removed
    case lost
}

/// One file of an export on its way into the mirror, and there.
struct ExportFileRow: RowDecodable, Sendable {
    let exportID: ExportID
    /// Of the parts from 0; the zip comes last.
    let position: Int
    let name: String
    let state: ExportFileState
    /// Its name in the file store, of this writer alone while it is unfinished.
    let storedName: String?
    /// What is on the disk for good of an unfinished file, with what the vendor's store said of it.
    let partSize: Int64
    let partTotal: Int64?
    let partValidator: String?
    let size: Int64?
    let sha256: String?
    let mirroredAt: Timestamp?
    let removedAt: Timestamp?
    /// Why it was removed or lost, for callers.
    let why: String?

    init(row: ResultRow) throws {
        exportID = try row["export_id"]
        position = try row["position"]
        name = try row["name"]
        state = try row["state"]
        storedName = try row["stored_name"]
        partSize = try row["part_size"]
        partTotal = try row["part_total"]
        partValidator = try row["part_validator"]
        size = try row["size"]
        sha256 = try row["sha256"]
        mirroredAt = try row["mirrored_at"]
        removedAt = try row["removed_at"]
        why = try row["why"]
    }

    /// Nil where it never was mirrored.
    var mirrored: MirroredFile? {
        guard let size, let sha256 else { return nil }
        return MirroredFile(name: name, size: size, sha256: sha256, removedAt: removedAt?.milliseconds)
    }
}
