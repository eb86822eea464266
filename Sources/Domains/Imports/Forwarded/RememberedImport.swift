import CausewayCore
import Storage

/// An earlier import whose rows went out, or still may.
struct RememberedImport: RowDecodable, Hashable, Sendable {
    let id: ImportID
    /// Rows of it that did not count can come to count only with another round: somebody tries it again.
    let round: Int
    let createdAt: Timestamp

    init(row: ResultRow) throws {
        id = try row["id"]
        round = try row["round"]
        createdAt = try row["created_at"]
    }

    /// What must not have changed since its rows were looked at.
    struct Mark: Hashable, Sendable {
        let id: ImportID
        let round: Int
    }
    var mark: Mark { Mark(id: id, round: round) }
}

extension Import {
    /// The places, among the valid rows, of those that the vendor has, or may have, or still gets. The rows of a failed
    /// import that have not gone out are not among them: they go out only if somebody tries it again, and then it is
    /// looked whether they went out with another.
    var countedPlaces: Range<Int> {
        switch state {
        case .awaitingApproval, .forwarding, .needsAttention, .completed: return 0..<rows.valid
        case .validated, .rejected: return 0..<0
        case .failed, .cancelled:
            guard let current = currentChunk, current.state == .sending || current.state == .unknown else {
                return 0..<forwardedRows
            }
            return 0..<forwardedRows + current.rows
        }
    }
}
