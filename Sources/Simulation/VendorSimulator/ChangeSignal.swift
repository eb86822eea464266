import CausewayCore
import Synchronization

/// Wakes whoever waits for something to have happened.
///
/// `version` grows with each announcement; who remembers it before looking misses nothing in between.
final class ChangeSignal: Sendable {
    private struct State {
        var version = 0
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
    }

    private let state = Mutex(State())

    var version: Int { state.withLock { $0.version } }

    func announce() {
        let waiters = state.withLock { state in
            state.version += 1
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns once the version is beyond `seen`, or when the task is cancelled.
    func passes(_ seen: Int) async {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let goesOn = state.withLock { state in
                    // Cancellation may have come before: then no handler will find us.
                    if state.version > seen || Task.isCancelled { return true }
                    state.waiters[number] = continuation
                    return false
                }
                if goesOn { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }

    /// What `look` finds, at once or after a change; nil when `patience` (of the machine's clock) is over.
    func first<Found: Sendable>(
        within patience: Duration, _ look: @escaping @Sendable () -> Found?
    ) async -> Found? {
        if let found = look() { return found }
        guard patience > .zero else { return nil }
        return await withTaskGroup(of: Found?.self) { group in
            group.addTask {
                while !Task.isCancelled {
                    let seen = self.version
                    if let found = look() { return found }
                    await self.passes(seen)
                }
                return nil
            }
            group.addTask {
                try? await Task.sleep(for: patience)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
    }
}
