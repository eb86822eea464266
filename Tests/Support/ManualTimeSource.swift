public import CausewayCore
import Synchronization

/// A clock that stands still until a test moves it on.
public final class ManualTimeSource: TimeSource {
    private struct Sleeper {
        let until: Timestamp
        let continuation: CheckedContinuation<Void, any Error>
    }
    private struct State {
        var now: Timestamp
        var nextID = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
        /// Who waits for so many to sleep.
        var watcher: (count: Int, continuation: CheckedContinuation<Void, Never>)?
    }
    private let state: Mutex<State>

    public init(_ start: Timestamp = Timestamp(milliseconds: 1_700_000_000_000)) {
        state = Mutex(State(now: start))
    }

    public func now() -> Timestamp { state.withLock { $0.now } }

    /// Moves the clock on and wakes who has slept long enough.
    public func advance(by duration: Duration) {
        let due = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for id in due.keys { state.sleepers[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }

    /// Waits until somebody sleeps, then moves the clock to the earliest end of a sleep. One caller at a time.
    /// - Parameter count: how many must sleep: where it is all there are, the clock stands while one is at work.
    public func advanceToNextSleeper(of count: Int = 1) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.sleepers.count >= count { return true }
                state.watcher = (count, continuation)
                return false
            }
            if isReady { continuation.resume() }
        }
        let next = state.withLock { state in state.sleepers.values.map(\.until).min().map { $0.since(state.now) } }
        if let next { advance(by: max(next, .zero)) }
    }

    public func sleep(until time: Timestamp) async throws {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                var watcher: CheckedContinuation<Void, Never>?
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if state.cancelled.remove(id) != nil { return .failure(CancellationError()) }
                    if time <= state.now { return .success(()) }
                    state.sleepers[id] = Sleeper(until: time, continuation: continuation)
                    if let waiting = state.watcher, state.sleepers.count >= waiting.count {
                        watcher = waiting.continuation
                        state.watcher = nil
                    }
                    return nil
                }
                watcher?.resume()
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let sleeper = state.withLock { state -> Sleeper? in
                guard let sleeper = state.sleepers.removeValue(forKey: id) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return sleeper
            }
            sleeper?.continuation.resume(throwing: CancellationError())
        }
    }
}
