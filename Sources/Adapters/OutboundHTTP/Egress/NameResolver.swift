import CausewayCore
import Synchronization

/// Looks names up on threads of its own: the system's call blocks for as long as it likes. Those who want one name at
/// the same time share one call; more names than there are threads wait in line. What was found is kept for a short while,
/// as the system tells nobody for how long it is good; that there is nothing is not kept.
final class NameResolver: Sendable {
    typealias Answer = Result<[IPAddress], OutboundError>

    fileprivate struct State {
        /// Of each name that is in line or being looked up.
        var waiters: [String: [Int: CheckedContinuation<Answer?, Never>]] = [:]
        var line: [String] = []
        var threads = 0
        var tickets = 0
        var kept: [String: (addresses: [IPAddress], until: ContinuousClock.Instant)] = [:]
    }

    /// How long an answer is kept, and how many are.
    private static let lifetime = Duration.seconds(30)
    static let mostKept = 1024

    private let state = Mutex(State())
    private let threads: Int
    private let lookUp: @Sendable (String) -> Answer
    private let now: @Sendable () -> ContinuousClock.Instant

    init(
        threads: Int = 256, lookUp: @escaping @Sendable (String) -> Answer = IPAddress.lookUp,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.threads = threads
        self.now = now
        self.lookUp = lookUp
    }

    /// How many answers are kept.
    var keptCount: Int { state.withLock { $0.kept.count } }

    /// How many want an answer.
    var waiting: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

    /// In the system's order of preference. Throws `resolve`, `timeout` (of the connection) or `cancelled`.
    func addresses(of name: String, within limit: Duration) async throws(OutboundError) -> [IPAddress] {
        let time = now()
        if let kept = state.withLock({ $0.kept[name] }), time < kept.until { return kept.addresses }
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
            let until = now() + Self.lifetime
            let waiters = state.withLock { state in
                if case .success(let addresses) = answer { state.keep(addresses, of: name, until: until) }
                return state.waiters.removeValue(forKey: name) ?? [:]
            }
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

extension NameResolver.State {
    /// In the place of the oldest, where there are too many.
    fileprivate mutating func keep(_ addresses: [IPAddress], of name: String, until: ContinuousClock.Instant) {
        if kept.count >= NameResolver.mostKept, kept[name] == nil {
            let oldest = kept.min { $0.value.until < $1.value.until }
            if let oldest { kept[oldest.key] = nil }
        }
        kept[name] = (addresses, until)
    }
}
