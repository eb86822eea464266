import CausewayCore
import Synchronization

/// Time that moves when a test says so.
final class ManualTime: TimeSource {
    private struct State {
        var now: Timestamp
        var number = 0
        var sleepers: [Int: (until: Timestamp, continuation: CheckedContinuation<Void, any Error>)] = [:]
        var watchers: [(until: Timestamp, continuation: CheckedContinuation<Void, Never>)] = []
    }

    private let state: Mutex<State>

    init(_ start: Timestamp = Timestamp(milliseconds: 1_700_000_000_000)) {
        state = Mutex(State(now: start))
    }

    func now() -> Timestamp { state.withLock(\.now) }

    func sleep(until time: Timestamp) async throws {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let (isOver, watchers) = state.withLock { state in
                    if Task.isCancelled || state.now >= time { return (true, [CheckedContinuation<Void, Never>]()) }
                    state.sleepers[number] = (time, continuation)
                    let met = state.watchers.filter { $0.until == time }.map(\.continuation)
                    state.watchers.removeAll { $0.until == time }
                    return (false, met)
                }
                for watcher in watchers { watcher.resume() }
                if isOver { continuation.resume(with: Task.isCancelled ? .failure(CancellationError()) : .success(())) }
            }
        } onCancel: {
            state.withLock { $0.sleepers.removeValue(forKey: number) }?.continuation
                .resume(throwing: CancellationError())
        }
    }

    /// Returns once somebody sleeps until exactly `time`.
    func isAwaited(at time: Timestamp) async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.sleepers.values.contains(where: { $0.until == time }) { return true }
                state.watchers.append((time, continuation))
                return false
            }
            if isThere { continuation.resume() }
        }
    }

    /// Moves on, and wakes whoever's time has come.
    func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.filter { $0.value.until <= state.now }
            for number in due.keys { state.sleepers[number] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in woken { continuation.resume() }
    }
}
