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
    private static let sign: UInt64 = 0x4357_524F_5753_0001

    /// Durable when it returns. Throws `FileStoreError`.
    /// - Parameter refused: rows that are not forwarded, and so are left out.
    static func write(_ rows: SortedRows, without refused: RowSet, to files: LocalFileStore, as name: String) throws {
        let ranks = RowSet.Ranks(refused)
        var count = 0
        try rows.forEachBlock { block in
            for index in block.indices where !refused.contains(Int(block[index].row)) { count += 1 }
        }
        var writer = try files.create(name)
        try unsafe writer.write([sign.littleEndian, UInt64(count).littleEndian].span.bytes)
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

/// Goes through a record from its beginning to its end, leaping over what is not asked for: a file of few rows is held
/// against a large record without reading it all.
@safe
struct RowRecordCursor: ~Copyable {
    private static let blockSize = 4096

    private let file: StoredFile
    private let count: Int
    private let buffer: UnsafeMutableBufferPointer<RowEntry>
    private var filled = 0
    private var index = 0
    /// The entry behind the block.
    private var behind = 0
    /// What was found of the identity that was asked for last.
    private var asked: RowIdentity?
    private var found: RowEntry?
    private var foundWithoutKey: RowEntry?

    init(_ file: StoredFile) throws {
        self.file = file
        count = try RowRecord.count(in: file)
        unsafe buffer = .allocate(capacity: Self.blockSize)
    }

    deinit { unsafe buffer.deallocate() }

    /// Hands out the next block; false at the end.
    mutating func next(_ body: (Span<RowEntry>) throws -> Void) throws -> Bool {
        guard try load() else { return false }
        try unsafe body(buffer.span.extracting(first: filled))
        return true
    }

    private mutating func load() throws -> Bool {
        filled = min(Self.blockSize, count - behind)
        index = 0
        guard filled > 0 else { return false }
        let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<filled])
        try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(part), at: RowRecord.headSize + behind * RowEntry.byteCount)
        behind += filled
        return true
    }

    /// The first entry that means the same row, at one of the places. Entries are asked for in ascending order.
    mutating func first(like entry: RowEntry, in places: Range<Int>) throws -> RowEntry? {
        if asked != entry.identity { try find(entry.identity, in: places) }
        return entry.isBesideKey ? foundWithoutKey : found
    }

    private mutating func find(_ identity: RowIdentity, in places: Range<Int>) throws {
        asked = identity
        found = nil
        foundWithoutKey = nil
        try leap(to: identity)
        while foundWithoutKey == nil {
            if index == filled {
                guard try load() else { return }
            }
            let entry = unsafe buffer[index]
            if identity < entry.identity { return }
            if entry.identity == identity, places.contains(entry.place) {
                found = found ?? entry
                if !entry.isBesideKey { foundWithoutKey = entry }
            }
            index += 1
        }
    }

    /// To a place from which the identity is not far, and not passed.
    private mutating func leap(to identity: RowIdentity) throws {
        if filled > 0, unsafe !(buffer[filled - 1].identity < identity) {
            // Within the block: halve.
            var low = index
            var high = filled
            while low < high {
                let middle = (low + high) / 2
                if unsafe buffer[middle].identity < identity { low = middle + 1 } else { high = middle }
            }
            index = low
            return
        }
        // Everything up to `behind` is before it. Leap by twice as much each time, then halve.
        var low = behind
        var step = Self.blockSize
        var high = low + step
        while high < count, try entry(high).identity < identity {
            low = high
            step *= 2
            high += step
        }
        high = min(high, count)
        while high - low > Self.blockSize / 2 {
            let middle = (low + high) / 2
            if try entry(middle).identity < identity { low = middle } else { high = middle }
        }
        behind = low
        filled = 0
        index = 0
    }

    private func entry(_ number: Int) throws -> RowEntry {
        var entry = RowEntry.end
        try unsafe withUnsafeMutableBytes(of: &entry) {
            try unsafe file.read(into: $0, at: RowRecord.headSize + number * RowEntry.byteCount)
        }
        return entry
    }
}
