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

    /// Throws `FileStoreError` where the record cannot be read.
    /// - Parameter places: those of the earlier import that count.
    mutating func look(for rows: SortedRows, in file: StoredFile, of earlier: RememberedImport, _ places: Range<Int>)
        throws
    {
        var cursor = try RowRecordCursor(file)
        let number = UInt16(clamping: imports.count)
        imports.append(earlier.id)
        var asked: RowIdentity?
        var found: RowEntry?
        try rows.forEachBlock { block in
            for index in block.indices {
                let entry = block[index]
                if asked != entry.identity {
                    asked = entry.identity
                    found = try cursor.first(of: entry.identity, in: places)
                }
                guard let found, refused.insert(Int(entry.row)) else { continue }
                findings.add(
                    LateFinding(
                        kind: .alreadyForwarded, row: entry.row, column: Int32(bitPattern: entry.mark),
                        other: found.row, otherImport: number))
            }
        }
        checked.insert(earlier.mark)
    }

    /// An import that was looked at by other means.
    mutating func note(_ earlier: RememberedImport) { checked.insert(earlier.mark) }

    /// How many rows of a record, at these places, went out with an earlier import. Throws `FileStoreError`.
    static func count(
        of record: StoredFile, at own: Range<Int>, in file: StoredFile, _ places: Range<Int>
    ) throws -> Int {
        var cursor = try RowRecordCursor(file)
        var rows = RowSet()
        var asked: RowIdentity?
        var isThere = false
        try RowRecord.forEachBlock(of: record) { block in
            for index in block.indices where own.contains(Int(block[index].mark)) {
                let entry = block[index]
                if asked != entry.identity {
                    asked = entry.identity
                    isThere = try cursor.first(of: entry.identity, in: places) != nil
                }
                if isThere { rows.insert(Int(entry.row)) }
            }
        }
        return rows.count
    }
}

extension RowRecordCursor {
    /// The first row with this identity at one of the places.
    fileprivate mutating func first(of identity: RowIdentity, in places: Range<Int>) throws -> RowEntry? {
        var found: RowEntry?
        try entries(of: identity) { entry in
            guard places.contains(Int(entry.mark)) else { return false }
            found = entry
            return true
        }
        return found
    }
}
