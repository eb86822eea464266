import Storage
import Synchronization

/// Changes that wait for the one writer, in the order they came.
final class WaitingWrites: Sendable {
    private struct State {
        var writes: [QueuedTransaction] = []
        var isDraining = false
        var isClosed = false
    }
    private let state = Mutex(State())

    /// - Parameter drain: called where nobody is taking the writes off, with the order held: what is given to the
    ///   writer after `close` comes after it.
    func append(_ write: QueuedTransaction, orStart drain: () -> Void) {
        let isOpen = state.withLock { state in
            guard !state.isClosed else { return false }
            state.writes.append(write)
            if !state.isDraining {
                state.isDraining = true
                drain()
            }
            return true
        }
        if !isOpen { write.finish(.failure(StorageError.failed(detail: "the store is closed"))) }
    }

    /// What has waited longest, up to `limit`; where nothing waits, the draining has ended.
    func take(upTo limit: Int) -> [QueuedTransaction] {
        state.withLock { state in
            let taken = Array(state.writes.prefix(limit))
            state.writes.removeFirst(taken.count)
            state.isDraining = !taken.isEmpty
            return taken
        }
    }

    /// They were taken and not begun: they are the first again.
    func putBack(_ writes: some Collection<QueuedTransaction>) {
        state.withLock { $0.writes.insert(contentsOf: writes, at: 0) }
    }

    /// From now on none is taken in; those that wait are still for whoever drains.
    func close() {
        state.withLock { $0.isClosed = true }
    }
}
