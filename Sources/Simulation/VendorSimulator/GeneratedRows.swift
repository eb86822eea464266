/// A CSV that is not there: each byte can be computed from its place, since all rows are equally long.
///
/// The same columns, seed and rows give the same bytes, so a download can be cut off, resumed and checked, and a
/// file of a gigabyte costs no memory.
struct GeneratedRows: Sendable {
    let header: [UInt8]
    let columns: [ReportColumn]
    let seed: UInt64
    /// The number of the first row: a second part goes on where the first one ended.
    let firstRow: Int
    let rowCount: Int
    let rowLength: Int

    init(columns: [ReportColumn], seed: UInt64, firstRow: Int, rowCount: Int) {
        self.header = Array(columns.map(\.name).joined(separator: ",").utf8) + [10]
        self.columns = columns
        self.seed = seed
        self.firstRow = firstRow
        self.rowCount = rowCount
        self.rowLength = Self.rowLength(of: columns)
    }

    var size: Int { header.count + rowCount * rowLength }

    static func rowLength(of columns: [ReportColumn]) -> Int {
        var row: [UInt8] = []
        append(row: 0, of: columns, seed: 0, to: &row)
        return row.count
    }

    /// Bytes from `offset` on, at least one and not many more than `atMost`; fewer at the end, none after it.
    func bytes(from offset: Int, atMost limit: Int) -> ArraySlice<UInt8> {
        if offset < header.count { return header[offset..<min(header.count, offset + limit)] }
        guard offset < size else { return [] }
        let start = offset - header.count
        let first = start / rowLength
        let last = min(rowCount - 1, (start + limit - 1) / rowLength)
        var block: [UInt8] = []
        block.reserveCapacity((last - first + 1) * rowLength)
        for row in first...last { Self.append(row: firstRow + row, of: columns, seed: seed, to: &block) }
        let skipped = start - first * rowLength
        return block[skipped..<min(block.count, skipped + limit)]
    }

    private static func append(row: Int, of columns: [ReportColumn], seed: UInt64, to block: inout [UInt8]) {
        for (index, column) in columns.enumerated() {
            if index > 0 { block.append(44) }
            column.append(row: row, random: SplitMix.mix(seed &+ UInt64(row) &* 64 &+ UInt64(index)), to: &block)
        }
        block.append(10)
    }
}
