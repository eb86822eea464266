import Storage
import Synchronization

/// Reads that wait for a reader. Those that wait together share a snapshot: to begin and end one costs more than most of
/// what is read in it.
final class WaitingReads: Sendable {
    private struct State {
        var reads: [QueuedTransaction] = []
        var running = 0
        var isClosed = false
    }
    /// In one snapshot at most: those behind a slow one wait for it.
    private static let most = 16

    private let readers: Int
    private let state = Mutex(State())

    init(readers: Int) { self.readers = readers }

    /// - Parameter start: called where a reader is free; it takes what waits and calls `ended`.
    func append(_ read: QueuedTransaction, orStart start: () -> Void) {
        let (isOpen, isFree) = state.withLock { state in
            guard !state.isClosed else { return (false, false) }
            state.reads.append(read)
            guard state.running < readers else { return (true, false) }
            state.running += 1
            return (true, true)
        }
        if isFree { start() }
        if !isOpen { read.finish(.failure(StorageError.failed(detail: "the store is closed"))) }
    }

    /// What has waited longest; another reader may have taken all.
    func take() -> [QueuedTransaction] {
        state.withLock { state in
            let taken = Array(state.reads.prefix(Self.most))
            state.reads.removeFirst(taken.count)
            return taken
        }
    }

    /// - Parameter start: called where more waits.
    func ended(orGoOn start: () -> Void) {
        let isMore = state.withLock { state in
            if state.reads.isEmpty { state.running -= 1 }
            return !state.reads.isEmpty
        }
        if isMore { start() }
    }

    /// From now on none is taken in; those that wait are read still.
    func close() {
        state.withLock { $0.isClosed = true }
    }
}
