import FileStore

/// Takes the identities of a file's rows as they come, and throws them by their first bits into partitions, each of
/// which is then looked through for itself. Memory is bounded: what passes it goes to the disk, run after run, in each
/// the partitions one after another and a partition's rows in the file's order.
struct RowPartitions: Sendable {
    static let bits: UInt64 = 8
    static let count = 1 << bits

    /// Where a run's partitions end, counted in fingerprints from where it begins.
    struct Run: Sendable {
        let start: Int
        let ends: [UInt32]

        func range(_ partition: Int) -> Range<Int> {
            let from = partition == 0 ? 0 : Int(ends[partition - 1])
            return start + from..<start + Int(ends[partition])
        }
    }

    private let scratch: RowScratch
    /// Fingerprints of one run.
    private let capacity: Int
    private var newest: [RowFingerprint] = []
    private var sorted: [RowFingerprint] = []
    private var spilled: ScratchFile?
    private var runs: [Run] = []

    init(_ scratch: RowScratch) {
        self.scratch = scratch
        // Short runs: whoever takes them has other things to do. Twice, since a run is put in order into another place.
        capacity = max(2, scratch.memory / 4 / MemoryLayout<RowFingerprint>.stride)
    }

    /// Rows come in the file's order. Throws `FileStoreError`.
    @inline(__always)
    mutating func append(_ entry: RowEntry) throws {
        if newest.count == newest.capacity { try makeRoom() }
        newest.append(RowFingerprint(entry))
    }

    private mutating func makeRoom() throws {
        if newest.count >= capacity { try spill() }
        // By its own growth the array would pass the bound.
        newest.reserveCapacity(min(capacity, max(64, newest.count * 2)))
    }

    private mutating func spill() throws {
        let file = try spilled ?? ScratchFile(in: scratch.directory)
        spilled = file
        let run = endRun()
        try unsafe file.write(sorted.span.bytes, at: run.start * MemoryLayout<RowFingerprint>.stride)
    }

    /// Puts the newest in order, a partition after the other, into `sorted`.
    private mutating func endRun() -> Run {
        if sorted.count != newest.count { sorted = [RowFingerprint](repeating: .none, count: newest.count) }
        var ends = [UInt32](repeating: 0, count: Self.count)
        unsafe ends.withUnsafeMutableBufferPointer { ends in
            for row in newest { unsafe ends[Self.partition(of: row)] &+= 1 }
            var sum: UInt32 = 0
            for partition in 0..<Self.count {
                let size = unsafe ends[partition]
                unsafe ends[partition] = sum
                sum &+= size
            }
            unsafe sorted.withUnsafeMutableBufferPointer { sorted in
                for row in newest {
                    let partition = Self.partition(of: row)
                    unsafe sorted[Int(ends[partition])] = row
                    unsafe ends[partition] &+= 1
                }
            }
        }
        let run = Run(start: runs.last.map { $0.start + Int($0.ends[Self.count - 1]) } ?? 0, ends: ends)
        runs.append(run)
        newest.removeAll(keepingCapacity: true)
        return run
    }

    @inline(__always)
    private static func partition(of row: RowFingerprint) -> Int {
        Int(truncatingIfNeeded: row.high &>> (64 &- bits))
    }

    /// All that came, to be looked through; nothing is left here.
    mutating func close() -> PartitionedRows {
        _ = endRun()
        defer { self = RowPartitions(scratch) }
        return PartitionedRows(file: spilled, runs: runs, last: sorted, memory: scratch.memory)
    }
}

/// Rows that lie in partitions, the last run in memory.
struct PartitionedRows: Sendable {
    private static let piece = 4096

    private let file: ScratchFile?
    private let runs: [RowPartitions.Run]
    private let last: [RowFingerprint]
    /// Bytes that those who look through them may use together.
    let memory: Int

    init(file: ScratchFile?, runs: [RowPartitions.Run], last: [RowFingerprint], memory: Int) {
        self.file = file
        self.runs = runs
        self.last = last
        self.memory = memory
    }

    func count(_ partition: Int) -> Int { runs.reduce(0) { $0 + $1.range(partition).count } }

    /// A partition's rows in the file's order, in pieces, until `body` says no. Throws `FileStoreError`.
    func forEachPiece(of partition: Int, _ body: (Span<RowFingerprint>) -> Bool) throws {
        let buffer = UnsafeMutableBufferPointer<RowFingerprint>.allocate(capacity: file == nil ? 0 : Self.piece)
        defer { unsafe buffer.deallocate() }
        for run in runs.dropLast() {
            var rest = run.range(partition)
            while !rest.isEmpty {
                let size = min(rest.count, Self.piece)
                let part = unsafe UnsafeMutableBufferPointer(rebasing: buffer[..<size])
                try unsafe file?.read(
                    into: UnsafeMutableRawBufferPointer(part),
                    at: rest.lowerBound * MemoryLayout<RowFingerprint>.stride)
                guard unsafe body(part.span) else { return }
                rest = rest.lowerBound + size..<rest.upperBound
            }
        }
        guard let run = runs.last else { return }
        let range = run.range(partition)
        _ = body(last.span.extracting(range.lowerBound - run.start..<range.upperBound - run.start))
    }
}
