import Dispatch
import Synchronization

/// Looks through partitioned rows for what is there twice, on as many threads as there are: each takes the next
/// partition until none is left.
final class PartitionSearch: Sendable {
    private struct State {
        var next = 0
        /// Looked through, or given up.
        var done = 0
        var found = DuplicateSearch()
        var failure: (any Error)?
    }

    private let rows: PartitionedRows
    private let comparesBesideKeys: Bool
    /// Identities that one thread may hold.
    private let room: Int
    private let state = Mutex(State())
    private let isDone = DispatchSemaphore(value: 0)

    private init(_ rows: PartitionedRows, comparesBesideKeys: Bool, threads: Int) {
        self.rows = rows
        self.comparesBesideKeys = comparesBesideKeys
        room = FirstRows.room(memory: rows.memory / 2 / threads)
    }

    /// Throws `FileStoreError`.
    /// - Parameters:
    ///   - comparesBesideKeys: some rows are known by what they say besides a unique field, too.
    ///   - threads: what else there is beside the one that calls.
    static func run(
        _ rows: PartitionedRows, comparesBesideKeys: Bool, with threads: CheckThreads?
    ) throws -> DuplicateSearch {
        let search = PartitionSearch(
            rows, comparesBesideKeys: comparesBesideKeys, threads: 1 + (threads?.count ?? 0))
        for _ in 0..<(threads?.count ?? 0) { threads?.add { search.run() } }
        search.run()
        search.isDone.wait()
        return try search.state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.found
        }
    }

    private func run() {
        var table = FirstRows()
        var found = DuplicateSearch()
        var taken = 0
        var failure: (any Error)?
        while failure == nil, let partition = next() {
            taken += 1
            do {
                try look(through: partition, Part(), &table, &found)
            } catch {
                failure = error
            }
        }
        guard taken > 0 else { return }
        let isLast = state.withLock { state in
            state.found.join(found)
            state.done += taken
            if let failure, state.failure == nil {
                state.failure = failure
                // Nobody takes what is left.
                state.done += RowPartitions.count - state.next
                state.next = RowPartitions.count
            }
            return state.done == RowPartitions.count
        }
        if isLast { isDone.signal() }
    }

    private func next() -> Int? {
        state.withLock { state in
            guard state.next < RowPartitions.count else { return nil }
            state.next += 1
            return state.next - 1
        }
    }

    /// Of a partition those whose next bits are these.
    private struct Part {
        var bits: UInt64 = 0
        var count: UInt64 = 0

        @inline(__always)
        func contains(_ row: RowFingerprint) -> Bool {
            count == 0 || (row.high &<< RowPartitions.bits) &>> (64 &- count) == bits
        }

        var halves: (Part, Part) {
            (Part(bits: bits << 1, count: count + 1), Part(bits: bits << 1 | 1, count: count + 1))
        }

        /// Beyond that it cannot be halved with sense.
        var isSmallest: Bool { count == 24 }
    }

    /// Where there are more than memory takes, one half of the part is looked through after the other.
    private func look(
        through partition: Int, _ part: Part, _ table: inout FirstRows, _ found: inout DuplicateSearch
    ) throws {
        let count = rows.count(partition)
        guard count > 1 else { return }
        table.reset(room: part.isSmallest ? count : min(count, room))
        let before: DuplicateSearch? = count > room ? found : nil
        var fits = true
        try rows.forEachPiece(of: partition) { rows in
            for index in rows.indices {
                let row = rows[index]
                guard part.contains(row) else { continue }
                let twin = comparesBesideKeys ? row.twin.flatMap { table.first($0) } : nil
                switch table.insert(row) {
                case .isNew: if let twin { found.add(row, first: twin) }
                case .repeats(let first): found.add(row, first: first, twin: twin)
                case .isFull:
                    fits = false
                    return false
                }
            }
            return true
        }
        guard !fits, let before else { return }
        found = before
        let halves = part.halves
        try look(through: partition, halves.0, &table, &found)
        try look(through: partition, halves.1, &table, &found)
    }
}

extension DuplicateSearch {
    /// - Parameters:
    ///   - first: the first row that is known by the same.
    ///   - twin: the first that names a unique field besides where this one names none, or the other way round.
    fileprivate mutating func add(_ row: RowFingerprint, first: RowFingerprint, twin: RowFingerprint? = nil) {
        // Of rows that name different keys one repeats only what names none.
        let candidates = [first, twin].compactMap(\.self).filter { !(row.isBesideKey && $0.isBesideKey) }
        guard let other = candidates.min(by: { $0.row < $1.row }) else { return }
        let isBesideKey = row.isBesideKey || other.isBesideKey
        add(row.row, isBesideKey ? RowIdentifier.wholeRow : row.column, first: other.row, isBesideKey: isBesideKey)
    }
}
