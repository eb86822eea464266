import CausewayCore
import FileStore

/// Holds sorted rows against the records of earlier imports. Its calls block.
struct ForwardedSearch: Sendable {
    private(set) var findings = LateFindings()
    /// Rows that went out before, or still may.
    private(set) var refused = RowSet()
    /// The imports that findings speak of, by their number.
    private(set) var imports: [ImportID] = []
    private(set) var checked: Set<RememberedImport.Mark> = []
    /// So many records were looked at one by one that they are worth being put together.
    var needsJoining = false

    /// Throws `FileStoreError` where the record cannot be read.
    /// - Parameter file: the record of the earlier import.
    mutating func look(for rows: SortedRows, in file: StoredFile, of earlier: RememberedImport) throws {
        var cursor = try RowRecordCursor(file)
        let number = UInt16(clamping: imports.count)
        imports.append(earlier.id)
        try rows.forEachBlock { block in
            for index in block.indices {
                let entry = block[index]
                guard let found = try cursor.first(like: entry, in: earlier.countedPlaces),
                    refused.insert(Int(entry.row))
                else {
                    continue
                }
                let isBesideKey = entry.isBesideKey || found.isBesideKey
                findings.add(
                    LateFinding(
                        kind: .alreadyForwarded, row: entry.row,
                        column: isBesideKey ? RowIdentifier.wholeRow : Int32(bitPattern: entry.mark), other: found.row,
                        otherImport: number, isBesideKey: isBesideKey))
            }
        }
        checked.insert(earlier.mark)
    }

    /// An import that was looked at by other means, or has none of the rows.
    mutating func note(_ earlier: RememberedImport) { checked.insert(earlier.mark) }

    /// How many rows of a record, at these places, went out with an earlier import. Throws `FileStoreError`.
    static func count(
        of record: StoredFile, at own: Range<Int>, in file: StoredFile, of earlier: RememberedImport
    ) throws -> Int {
        var cursor = try RowRecordCursor(file)
        var rows = RowSet()
        try RowRecord.forEachBlock(of: record) { block in
            for index in block.indices where own.contains(block[index].place) {
                if try cursor.first(like: block[index], in: earlier.countedPlaces) != nil {
                    rows.insert(Int(block[index].row))
                }
            }
        }
        return rows.count
    }
}
