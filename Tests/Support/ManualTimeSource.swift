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
        var watcher: CheckedContinuation<Void, Never>?
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
    public func advanceToNextSleeper() async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if !state.sleepers.isEmpty { return true }
                state.watcher = continuation
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
                    watcher = state.watcher.take()
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
