import CausewayCore
import Storage

/// An earlier import whose rows went out, or still may.
struct RememberedImport: Sendable {
    let mark: Mark
    let validRows: Int
    /// The places, among the valid rows, of those that the vendor has, or may have, or still gets. The rows of a failed
    /// import that have not gone out are not among them: they go out only if somebody tries it again, and then it is
    /// looked whether they went out with another.
    let countedPlaces: Range<Int>
    /// Where its rows stand among those of others; nil where they stand in its own record alone.
    let joint: JointRecord.Place?

    var id: ImportID { mark.id }

    /// What must not have changed since its rows were looked at.
    struct Mark: Hashable, Comparable, Sendable {
        let id: ImportID
        /// Rows of it that did not count can come to count only with another round: somebody tries it again.
        let round: Int
        let createdAt: Timestamp

        /// The older one first.
        static func < (left: Mark, right: Mark) -> Bool {
            (left.createdAt, left.id.text) < (right.createdAt, right.id.text)
        }
    }
}

extension RememberedImport: RowDecodable {
    init(row: ResultRow) throws {
        mark = try Mark(row: row)
        validRows = try row["rows_valid"]
        let cut = ImportCut(count: try row["chunk_count"], rows: validRows, rowsEach: try row["chunk_rows"])
        let taken: Int = try row["chunks_taken"]
        let chunk: ImportChunkState? = try row["chunk_state"]
        let counted =
            switch try row["state"] as ImportState {
            case .awaitingApproval, .forwarding, .needsAttention, .completed: validRows
            case .validated, .rejected: 0
            case .failed, .cancelled:
                cut.rows(inFirst: chunk == .sending || chunk == .unknown ? taken + 1 : taken)
            }
        countedPlaces = 0..<counted
        let name: String? = try row["joint_record"]
        let number: Int? = try row["joint_number"]
        joint = if let name, let number { JointRecord.Place(name: name, number: UInt32(clamping: number)) } else { nil }
    }
}

extension RememberedImport.Mark: RowDecodable {
    init(row: ResultRow) throws {
        id = try row["id"]
        round = try row["round"]
        createdAt = try row["created_at"]
    }
}
