import FileStore

/// Merges sorted runs of one file: a tournament between the runs' first entries, each entry one way up the tree.
@safe
struct RowMerge: ~Copyable {
    private let file: ScratchFile
    private let share: Int
    private let count: Int
    /// Of each run: what is still on the disk, its part in memory, and where that is read.
    private var rest: [Range<Int>]
    private var next: [Int]
    private var ends: [Int]
    private let buffers: UnsafeMutablePointer<RowEntry>
    /// Of each run the first entry; `RowEntry.end` where it is through.
    private let heads: UnsafeMutablePointer<RowEntry>
    /// The losers of the games; the winner of all at 0.
    private let tree: UnsafeMutablePointer<Int>

    /// Calls `body` with all entries in order, in blocks. Throws `FileStoreError`, and what `body` throws.
    static func run(
        _ file: ScratchFile, _ runs: [Range<Int>], memory: Int,
        _ body: (Span<RowEntry>) throws -> Void
    ) throws {
        guard !runs.isEmpty else { return }
        var merge = RowMerge(file, runs, memory: memory)
        try merge.start()
        try merge.hand(to: body)
    }

    private init(_ file: ScratchFile, _ runs: [Range<Int>], memory: Int) {
        self.file = file
        count = runs.count
        // However many runs there are, a read is worth its call.
        share = max(256, memory / RowEntry.byteCount / runs.count)
        rest = runs
        next = [Int](repeating: 0, count: runs.count)
        ends = next
        unsafe buffers = .allocate(capacity: share * runs.count)
        unsafe heads = .allocate(capacity: runs.count)
        unsafe tree = .allocate(capacity: runs.count)
    }

    deinit {
        unsafe buffers.deallocate()
        unsafe heads.deallocate()
        unsafe tree.deallocate()
    }

    private mutating func start() throws {
        for run in 0..<count { try advance(run) }
        unsafe tree[0] = play(1)
    }

    /// The winner below a node; leaves stand behind the nodes.
    private func play(_ node: Int) -> Int {
        if node >= count { return node - count }
        let left = play(2 * node)
        let right = play(2 * node + 1)
        let isLeft = unsafe heads[left] < heads[right]
        unsafe tree[node] = isLeft ? right : left
        return isLeft ? left : right
    }

    private mutating func hand(to body: (Span<RowEntry>) throws -> Void) throws {
        let size = 1 << 14
        let block = UnsafeMutableBufferPointer<RowEntry>.allocate(capacity: size)
        defer { unsafe block.deallocate() }
        var filled = 0
        while true {
            let winner = unsafe tree[0]
            let entry = unsafe heads[winner]
            guard entry.row != .max else { break }
            unsafe block[filled] = entry
            filled &+= 1
            if filled == size {
                try unsafe body(block.span)
                filled = 0
            }
            try advance(winner)
            replay(winner)
        }
        if filled > 0 { try unsafe body(block.span.extracting(first: filled)) }
    }

    @inline(__always)
    private func replay(_ run: Int) {
        var winner = run
        var node = (run &+ count) &>> 1
        while node > 0 {
            if unsafe heads[tree[node]] < heads[winner] { unsafe swap(&tree[node], &winner) }
            node &>>= 1
        }
        unsafe tree[0] = winner
    }

    @inline(__always)
    private mutating func advance(_ run: Int) throws {
        if next[run] == ends[run] { try fill(run) }
        guard next[run] < ends[run] else {
            unsafe heads[run] = .end
            return
        }
        unsafe heads[run] = buffers[run &* share &+ next[run]]
        next[run] &+= 1
    }

    private mutating func fill(_ run: Int) throws {
        let size = min(share, rest[run].count)
        next[run] = 0
        ends[run] = size
        guard size > 0 else { return }
        let part = unsafe UnsafeMutableBufferPointer(start: buffers + run * share, count: size)
        try unsafe file.read(
            into: UnsafeMutableRawBufferPointer(part), at: rest[run].lowerBound * RowEntry.byteCount)
        rest[run] = rest[run].lowerBound + size..<rest[run].upperBound
    }
}
