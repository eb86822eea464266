import CausewayCore
import FileStore
import Synchronization

/// The rows of many small imports in one file, so that a new file is held against a few files and not against one for
/// each import.
///
/// It only says which imports are to be looked at: what it does not have is in none of those whose rows stand here, and
/// what it has is looked for in the import's own `RowRecord`, which stays. So it can be lost, late or left over without
/// harm: whose joint record is not there is looked at itself. The form is that of a `RowRecord`, the import's number (which
/// stands in its row with the file's name) in the place of the row's.
enum JointRecord {
    struct Place: Hashable, Sendable {
        let name: String
        let number: UInt32
    }

    static let suffix = ".joint"
    /// Rows up to which an import is small.
    static let smallImport = 20_000
    /// A file of more rows is written no second time while it is new.
    static let largeFile = 1_000_000
    /// As many small imports may stand alone.
    static let looseLimit = 16
    /// One that is older is made anew with the imports that are still remembered, so that what is forgotten goes.
    static let freshness = Duration.seconds(86_400)

    static func name() -> String { "rows-\(RandomToken.make(bytes: 12))\(suffix)" }

    /// Which imports to put together: those that stand alone or in an old file, and with them the smaller files, until the
    /// next one has more rows than all of them. So there are few files, each about twice as large as the one before, and a
    /// row is written again only where at least as many come to it.
    static func choice(
        of remembered: [RememberedImport], isFresh: (_ name: String) -> Bool
    ) -> [RememberedImport] {
        let small = remembered.filter { $0.validRows <= smallImport }
        var files = Dictionary(grouping: small) { $0.joint?.name }
        var chosen: [RememberedImport] = []
        for (name, imports) in files {
            if let name, isFresh(name) { continue }
            chosen += imports
            files[name] = nil
        }
        var rows = chosen.reduce(0) { $0 + $1.validRows }
        let bySize = files.values.map { (imports: $0, rows: $0.reduce(0) { $0 + $1.validRows }) }
        for file in bySize.sorted(by: { $0.rows < $1.rows }) where file.rows <= min(rows, largeFile) {
            chosen += file.imports
            rows += file.rows
        }
        return chosen.sorted { $0.mark < $1.mark }
    }

    /// The numbers of the imports that have one of the rows, at a place that counts. Throws `FileStoreError`.
    /// - Parameter counted: by the import's number; others are passed over.
    static func numbers(
        of rows: AskedRows, in file: StoredFile, counted: [UInt32: Range<Int>]
    ) throws -> Set<UInt32> {
        var search = JointSearch(try RowRecordCursor(file), counted)
        try rows.forEachEntry { try search.take($0) }
        try search.finish()
        return search.numbers
    }
}

/// Makes a joint record. Its calls block.
final class JointRecordWriter: Sendable {
    private let log: Mutex<RowLog>

    /// - Parameter scratch: where the rows go until all are there.
    init(_ scratch: RowScratch) { log = Mutex(RowLog(scratch)) }

    /// Throws `FileStoreError`.
    /// - Parameter record: of the import with this number.
    func add(_ record: StoredFile, number: UInt32) throws {
        try log.withLock { log in
            try RowRecord.forEachBlock(of: record) { block in
                for index in block.indices {
                    var entry = block[index]
                    entry.row = number
                    try log.append(entry)
                }
            }
        }
    }

    /// Durable when it returns. Throws `FileStoreError`.
    func finish(to files: LocalFileStore, as name: String) throws {
        try log.withLock { log in
            var writer = try files.create(name)
            try RowRecord.writeHead(of: log.count, to: &writer)
            _ = try log.sort(keeping: false) { block in try unsafe writer.write(block.bytes) }
            try writer.finish()
        }
    }
}

/// Rows that are looked for, in order.
enum AskedRows: Sendable {
    case checked(SortedRows)
    /// Of an import's own record, those at these places.
    case recorded(StoredFile, at: Range<Int>)

    func forEachEntry(_ body: (RowEntry) throws -> Void) throws {
        switch self {
        case .checked(let rows): try rows.forEachBlock { for index in $0.indices { try body($0[index]) } }
        case .recorded(let file, let places):
            try RowRecord.forEachBlock(of: file) { block in
                for index in block.indices where places.contains(block[index].place) { try body(block[index]) }
            }
        }
    }
}

private struct JointSearch: ~Copyable {
    private(set) var numbers: Set<UInt32> = []
    private var cursor: RowRecordCursor
    private let counted: [UInt32: Range<Int>]
    /// Of several rows with the same identity one without a key, where there is one: it means the same as more others.
    private var asked: RowEntry?

    init(_ cursor: consuming RowRecordCursor, _ counted: [UInt32: Range<Int>]) {
        self.cursor = cursor
        self.counted = counted
    }

    mutating func take(_ entry: RowEntry) throws {
        if let asked, asked.identity == entry.identity {
            if asked.isBesideKey { self.asked = entry }
        } else {
            try finish()
            asked = entry
        }
    }

    mutating func finish() throws {
        guard let asked else { return }
        var numbers = self.numbers
        try cursor.entries(of: asked.identity) { [counted] entry in
            let isSame = !(asked.isBesideKey && entry.isBesideKey)
            if isSame, counted[entry.row]?.contains(entry.place) ?? false { numbers.insert(entry.row) }
            return false
        }
        self.numbers = numbers
    }
}
