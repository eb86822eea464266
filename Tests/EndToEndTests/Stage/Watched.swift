import Support
import Synchronization

/// A value that others wait on.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var watchers: [Int: AsyncStream<Void>.Continuation] = [:]
        var made = 0
    }

    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    var value: Value { state.withLock(\.value) }

    func change<Result: Sendable>(_ body: @Sendable (inout Value) -> Result) -> Result {
        let (result, watchers) = state.withLock { state in
            (body(&state.value), Array(state.watchers.values))
        }
        for watcher in watchers { watcher.yield() }
        return result
    }

    /// What `find` finds, as soon as it does. Throws `NeverHappened` after `limit`.
    func first<Found: Sendable>(
        _ what: String, within limit: Duration = patience, _ find: @escaping @Sendable (Value) -> Found?
    ) async throws -> Found {
        if let found = find(value) { return found }
        return try await withThrowingTaskGroup(of: Found.self) { group in
            defer { group.cancelAll() }
            group.addTask {
                let (number, changes) = self.watch()
                defer { self.state.withLock { $0.watchers[number] = nil } }
                if let found = find(self.value) { return found }
                for await _ in changes {
                    if let found = find(self.value) { return found }
                }
                throw CancellationError()
            }
            group.addTask {
                try await Task.sleep(for: limit)
                throw NeverHappened(what: what)
            }
            guard let found = try await group.next() else { throw NeverHappened(what: what) }
            return found
        }
    }

    private func watch() -> (Int, AsyncStream<Void>) {
        let (changes, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.made += 1
            state.watchers[state.made] = continuation
            return state.made
        }
        return (number, changes)
    }
}

/// Something that a test waited for in vain.
struct NeverHappened: Error, CustomStringConvertible {
    let what: String
    var description: String { "waited in vain for \(what)" }
}

/// Asks until the answer holds something: for what the outside is told of by nothing but an answer.
func asking<Found>(
    _ what: String, within limit: Duration = patience, _ ask: () async throws -> Found?
) async throws -> Found {
    let deadline = ContinuousClock.now + limit
    while ContinuousClock.now < deadline {
        if let found = try await ask() { return found }
        try await Task.sleep(for: .milliseconds(50))
    }
    throw NeverHappened(what: what)
}
