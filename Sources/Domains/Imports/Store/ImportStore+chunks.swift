import CausewayCore
import Storage

/// The pieces of an import: those that were begun are rows, and where each stands in its file is written down by the
/// hundreds when the file is accepted, so that nothing is read again after a restart.
extension ImportStore {
    private static let offsetsEach = 500

    /// In order; those not begun are pending.
    func chunks(of found: Import, _ page: PageRequest, in transaction: any Transaction) throws -> Page<ImportChunk> {
        let after = min(max(page.after.flatMap { Int($0) } ?? 0, 0), found.cut.count)
        let last = min(after + page.limit + 1, found.cut.count)
        let begun: [ImportChunk] = try transaction.all(
            """
            SELECT * FROM import_chunk WHERE import_id = \(found.id) AND number > \(after) AND number <= \(last)
            """)
        let byNumber = Dictionary(uniqueKeysWithValues: begun.map { ($0.number, $0) })
        let chunks = (after + 1..<last + 1).map { number in
            byNumber[number] ?? ImportChunk(number: number, rows: found.cut.rows(of: number))
        }
        return Page(fetched: chunks, limit: page.limit, key: { String($0.number) })
    }

    func insert(_ offsets: ChunkOffsets, of id: ImportID, in transaction: any Transaction) throws {
        var index = 0
        while index < offsets.starts.count {
            let next = min(index + Self.offsetsEach, offsets.starts.count)
            let end = next < offsets.starts.count ? offsets.starts[next] : offsets.end
            let starts = (offsets.starts[index..<next] + [end]).map(String.init).joined(separator: " ")
            try transaction.execute(
                """
                INSERT INTO import_chunk_offsets (import_id, first, header_length, starts)
                VALUES (\(id), \(index + 1), \(offsets.headerLength), \(starts))
                """)
            index = next
        }
    }

    /// Where a piece stands; nil where the import has but one.
    func extent(of number: Int, _ id: ImportID, in transaction: any Transaction) throws -> ChunkExtent? {
        let first = (number - 1) / Self.offsetsEach * Self.offsetsEach + 1
        let row = try transaction.row(
            """
            SELECT header_length, starts FROM import_chunk_offsets WHERE import_id = \(id) AND first = \(first)
            """)
        guard let row else { return nil }
        let text: String = try row["starts"]
        let starts = text.split(separator: " ").compactMap { Int64($0) }
        let index = number - first
        guard index + 1 < starts.count else { throw StorageError.unexpectedValue(column: "starts") }
        return ChunkExtent(headerLength: try row["header_length"], bytes: starts[index]..<starts[index + 1])
    }
}
