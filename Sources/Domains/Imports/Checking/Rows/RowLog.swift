import FileStore

/// Takes the entries of a file's rows as they come and gives them back sorted, for those that are held against other
/// files' as well (`RowPartitions` takes the others). Memory is bounded: what passes it goes
/// to the disk in sorted runs, which are merged in the end. How the entries are spread, and how often one comes, makes
/// no difference to that.
struct RowLog: Sendable {
    private let scratch: RowScratch
    private let capacity: Int
    private var entries: [RowEntry] = []
    private var spilled: ScratchFile?
    /// The sorted runs on the disk, each by its entries' numbers.
    private var runs: [Range<Int>] = []

    init(_ scratch: RowScratch) {
        self.scratch = scratch
        capacity = max(2, scratch.memory / RowEntry.byteCount)
    }

    var count: Int { (runs.last?.upperBound ?? 0) + entries.count }

    /// Throws `FileStoreError`.
    @inline(__always)
    mutating func append(_ entry: RowEntry) throws {
        if entries.count == entries.capacity { try makeRoom() }
        entries.append(entry)
    }

    private mutating func makeRoom() throws {
        if entries.count >= capacity { try spill() }
        // By its own growth the array would pass the bound.
        entries.reserveCapacity(min(capacity, max(64, entries.count * 2)))
    }

    private mutating func spill() throws {
        let file = try spilled ?? ScratchFile(in: scratch.directory)
        spilled = file
        let start = runs.last?.upperBound ?? 0
        unsafe entries.withUnsafeMutableBufferPointer { unsafe RowEntrySort.sort($0) }
        try unsafe file.write(entries.span.bytes, at: start * RowEntry.byteCount)
        runs.append(start..<start + entries.count)
        entries.removeAll(keepingCapacity: true)
    }

    /// All entries in order, in blocks; the log is empty then. Throws `FileStoreError`, and what `body` throws.
    /// - Parameter keeps: the sorted entries are asked for again, by what is returned.
    mutating func sort(
        keeping keeps: Bool = true, _ body: (Span<RowEntry>) throws -> Void
    ) throws -> SortedRows {
        guard let file = spilled else {
            unsafe entries.withUnsafeMutableBufferPointer { unsafe RowEntrySort.sort($0) }
            try body(entries.span)
            defer { entries = [] }
            return SortedRows(memory: keeps ? entries : [])
        }
        if !entries.isEmpty { try spill() }
        entries = []
        defer {
            spilled = nil
            runs = []
        }
        let target = keeps ? try ScratchFile(in: scratch.directory) : nil
        var written = 0
        try RowMerge.run(file, runs, memory: scratch.memory) { block in
            try body(block)
            try unsafe target?.write(block.bytes, at: written * RowEntry.byteCount)
            written += block.count
        }
        return target.map { SortedRows(file: $0, count: written) } ?? SortedRows(memory: [])
    }
}

/// Sorted entries that can be gone through any number of times.
struct SortedRows: Sendable, Hashable {
    private let memory: [RowEntry]
    private let file: ScratchFile?
    let count: Int

    init(memory: [RowEntry]) {
        self.memory = memory
        file = nil
        count = memory.count
    }

    init(file: ScratchFile, count: Int) {
        memory = []
        self.file = file
        self.count = count
    }

    static func == (left: SortedRows, right: SortedRows) -> Bool {
        left.count == right.count && left.memory == right.memory && left.file === right.file
    }

    func hash(into hasher: inout Hasher) { hasher.combine(count) }

    static let none = SortedRows(memory: [])

    /// In order, in blocks. Throws `FileStoreError`, and what `body` throws.
    func forEachBlock(_ body: (Span<RowEntry>) throws -> Void) throws {
        guard let file else {
            if !memory.isEmpty { try body(memory.span) }
            return
        }
        let size = min(count, 1 << 14)
        let block = UnsafeMutableBufferPointer<RowEntry>.allocate(capacity: size)
        defer { unsafe block.deallocate() }
        var start = 0
        while start < count {
            let part = unsafe UnsafeMutableBufferPointer(rebasing: block[..<min(size, count - start)])
            try unsafe file.read(into: UnsafeMutableRawBufferPointer(part), at: start * RowEntry.byteCount)
            try unsafe body(part.span)
            start += part.count
        }
    }
}
