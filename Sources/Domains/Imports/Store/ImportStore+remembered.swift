import CausewayCore
import Storage

/// The imports whose rows went out, or still may, and are held against those of others.
extension ImportStore {
    /// Those of the scope that ended since `earliest`, or have not; oldest first.
    func remembered(
        _ rowScope: String, since earliest: Timestamp, in transaction: any Transaction
    ) throws -> [RememberedImport] {
        func part(_ condition: SQLQuery) -> SQLQuery {
            """
            SELECT i.id, i.round, i.created_at, i.state, i.rows_valid, i.chunk_count, i.chunk_rows, i.chunks_taken,
                i.joint_record, i.joint_number, c.state AS chunk_state
            FROM import i LEFT JOIN import_chunk c
                ON c.import_id = i.id AND c.number = i.chunks_taken + 1 AND i.state IN ('failed', 'cancelled')
            WHERE i.row_scope = \(rowScope) AND i.counts_as_duplicate = 1 AND \(query: condition)
            """
        }
        // In one statement: in two, one that ends or begins again meanwhile could be in neither.
        let found: [RememberedImport] = try transaction.all(
            "\(query: part("i.ended_at IS NULL")) UNION ALL \(query: part("i.ended_at > \(earliest)"))")
        return found.sorted { $0.mark < $1.mark }
    }

    /// The same imports by what must not change while they are looked at, from an index alone; in any order.
    func marks(
        _ rowScope: String, since earliest: Timestamp, in transaction: any Transaction
    ) throws -> [RememberedImport.Mark] {
        func part(_ condition: SQLQuery) -> SQLQuery {
            """
            SELECT id, round, created_at FROM import
            WHERE row_scope = \(rowScope) AND counts_as_duplicate = 1 AND \(query: condition)
            """
        }
        return try transaction.all(
            "\(query: part("ended_at IS NULL")) UNION ALL \(query: part("ended_at > \(earliest)"))")
    }

    /// Writes down in which file an import's rows stand among those of others.
    func put(_ id: ImportID, at place: JointRecord.Place, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            UPDATE import SET joint_record = \(place.name), joint_number = \(Int(place.number)) WHERE id = \(id)
            """)
    }
}
