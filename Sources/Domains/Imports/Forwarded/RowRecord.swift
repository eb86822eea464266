import CausewayCore
import FileStore

/// The file beside an upload that says which rows are forwarded with it: sorted, so that another file's rows are held
/// against it in one pass. It has no personal data, and outlives the upload's own file.
///
/// Sixteen bytes of head (what it is, how many entries), then the entries as `RowEntry` lies in memory, `mark` being the
/// row's place among those forwarded.
enum RowRecord {
    static let suffix = ".rows"
    static let headSize = 16
    /// "CWROWS" and the version.
    private static let sign: UInt64 = 0x4357_524F_5753_0002

    /// Durable when it returns. Throws `FileStoreError`.
    /// - Parameter refused: rows that are not forwarded, and so are left out.
    static func write(_ rows: SortedRows, without refused: RowSet, to files: LocalFileStore, as name: String) throws {
        let ranks = RowSet.Ranks(refused)
        var count = 0
        try rows.forEachBlock { block in
            for index in block.indices where !refused.contains(Int(block[index].row)) { count += 1 }
        }
        var writer = try files.create(name)
        try writeHead(of: count, to: &writer)
        var output: [RowEntry] = []
        try rows.forEachBlock { block in
            output.removeAll(keepingCapacity: true)
            for index in block.indices {
                var entry = block[index]
                let row = Int(entry.row)
                if refused.contains(row) { continue }
                let place = UInt32(clamping: row - 1 - ranks.count(before: row))
                entry.mark = min(place, RowEntry.besideKey - 2) | (entry.isBesideKey ? RowEntry.besideKey : 0)
                output.append(entry)
            }
            try unsafe writer.write(output.span.bytes)
        }
        try writer.finish()
    }

    static func writeHead(of count: Int, to writer: inout LocalFileWriter) throws {
        try unsafe writer.write([sign.littleEndian, UInt64(count).littleEndian].span.bytes)
    }

    /// How many entries it has. Throws `FileStoreError` where it is none, or not whole.
    static func count(in file: StoredFile) throws -> Int {
        var head: [UInt64] = [0, 0]
        try unsafe head.withUnsafeMutableBytes { try unsafe file.read(into: $0, at: 0) }
        let count = Int(clamping: UInt64(littleEndian: head[1]))
        guard UInt64(littleEndian: head[0]) == sign, count <= Int(file.size),
            Int(file.size) == headSize + count * RowEntry.byteCount
        else { throw FileStoreError.failed(detail: "a record of forwarded rows is not whole") }
        return count
    }

    /// All entries in order, in blocks. Throws `FileStoreError`, and what `body` throws.
    static func forEachBlock(of file: StoredFile, _ body: (Span<RowEntry>) throws -> Void) throws {
        var cursor = try RowRecordCursor(file)
        while try cursor.next(body) {}
    }
}
