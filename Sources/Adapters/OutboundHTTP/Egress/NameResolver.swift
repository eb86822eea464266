import CausewayCore
import Synchronization

/// Looks names up on threads of its own: the system's call blocks for as long as it likes. Those who want one name at
/// the same time share one call; more names than there are threads wait in line.
final class NameResolver: Sendable {
    typealias Answer = Result<[IPAddress], OutboundError>

    private struct State {
        /// Of each name that is in line or being looked up.
        var waiters: [String: [Int: CheckedContinuation<Answer?, Never>]] = [:]
        var line: [String] = []
        var threads = 0
        var tickets = 0
    }

    private let state = Mutex(State())
    private let threads: Int
    private let lookUp: @Sendable (String) -> Answer

    init(threads: Int = 256, lookUp: @escaping @Sendable (String) -> Answer = IPAddress.lookUp) {
        self.threads = threads
        self.lookUp = lookUp
    }

    /// How many want an answer.
    var waiting: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

    /// In the system's order of preference. Throws `resolve`, `timeout` (of the connection) or `cancelled`.
    func addresses(of name: String, within limit: Duration) async throws(OutboundError) -> [IPAddress] {
        let answer = await withTaskGroup(of: Answer?.self) { group in
            group.addTask { await self.answer(name) }
            group.addTask {
                try? await Task.sleep(for: limit)
                return nil
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
        if let answer { return try answer.get() }
        if Task.isCancelled { throw OutboundError(.cancelled, words: "cancelled") }
        throw OutboundError(.timeout(.connect), words: "\(name) could not be resolved within \(limit)")
    }

    /// Nil where the task was cancelled.
    private func answer(_ name: String) async -> Answer? {
        let ticket = state.withLock { state in
            state.tickets += 1
            return state.tickets
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (isCancelled, needsThread) = state.withLock { state -> (Bool, Bool) in
                    guard !Task.isCancelled else { return (true, false) }
                    if state.waiters[name] == nil { state.line.append(name) }
                    state.waiters[name, default: [:]][ticket] = continuation
                    guard !state.line.isEmpty, state.threads < threads else { return (false, false) }
                    state.threads += 1
                    return (false, true)
                }
                if isCancelled { continuation.resume(returning: nil) }
                if needsThread { startThread() }
            }
        } onCancel: {
            state.withLock { $0.waiters[name]?.removeValue(forKey: ticket) }?.resume(returning: nil)
        }
    }

    private func startThread() {
        if let thread = SystemThread(name: "names", { self.work() }) {
            _ = consume thread
            return
        }
        // Where others are at work, they get to it.
        let stranded = state.withLock { state in
            state.threads -= 1
            guard state.threads == 0 else { return [CheckedContinuation<Answer?, Never>]() }
            defer { (state.line, state.waiters) = ([], [:]) }
            return state.waiters.values.flatMap(\.values)
        }
        for waiter in stranded {
            waiter.resume(returning: .failure(OutboundError(.failed, words: "no thread to resolve a name on")))
        }
    }

    private func work() {
        while let name = next() {
            let answer = lookUp(name)
            let waiters = state.withLock { $0.waiters.removeValue(forKey: name) } ?? [:]
            for waiter in waiters.values { waiter.resume(returning: answer) }
        }
    }

    /// Nil where nothing is in line: the thread ends.
    private func next() -> String? {
        state.withLock { state in
            while !state.line.isEmpty {
                let name = state.line.removeFirst()
                if state.waiters[name]?.isEmpty == false { return name }
                // All who wanted it have gone.
                state.waiters[name] = nil
            }
            state.threads -= 1
            return nil
        }
    }
}
