import FileStore

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
        try checkOrder()
        behind += filled
        return true
    }

    /// What has rotted, or was lost by a disk, would count as not there, and its rows as new.
    private func checkOrder() throws {
        var isInOrder = unsafe buffer[0].identity != .zero
        for index in 1..<max(1, filled) where unsafe buffer[index] < buffer[index - 1] { isInOrder = false }
        guard isInOrder else { throw FileStoreError.failed(detail: "a record of forwarded rows is not in order") }
    }

    /// The first entry that means the same row, at one of the places. Entries are asked for in ascending order.
    mutating func first(like entry: RowEntry, in places: Range<Int>) throws -> RowEntry? {
        if asked != entry.identity { try find(entry.identity, in: places) }
        return entry.isBesideKey ? foundWithoutKey : found
    }

    private mutating func find(_ identity: RowIdentity, in places: Range<Int>) throws {
        asked = identity
        var first: RowEntry?
        var firstWithoutKey: RowEntry?
        try entries(of: identity) { entry in
            guard places.contains(entry.place) else { return false }
            first = first ?? entry
            if !entry.isBesideKey { firstWithoutKey = entry }
            return firstWithoutKey != nil
        }
        found = first
        foundWithoutKey = firstWithoutKey
    }

    /// Calls `body` with the entries of this identity until it says that it has seen enough. Identities are asked for in
    /// ascending order, each once.
    mutating func entries(of identity: RowIdentity, _ body: (RowEntry) -> Bool) throws {
        try leap(to: identity)
        while true {
            if index == filled {
                guard try load() else { return }
            }
            let entry = unsafe buffer[index]
            if identity < entry.identity { return }
            if entry.identity == identity, body(entry) { return }
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
