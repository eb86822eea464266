public import CausewayCore
import Synchronization

/// What somebody can wait for: a kind of work (`work:export.trigger`), a resource (`export:exp_…`), the event log.
public struct SignalTopic: Hashable, Sendable, ExpressibleByStringLiteral {
    public let text: String

    public init(_ text: String) { self.text = text }
    public init(stringLiteral text: String) { self.text = text }
}

/// Tells waiters in this process that something they wait for may have changed. A signal carries no content and
/// may be lost with its process, so a waiter reads the store before and after, and polls behind it.
public final class SignalHub: Sendable {
    private let subscriptions = Mutex<[SignalTopic: [ObjectIdentifier: SignalSubscription]]>([:])

    public init() {}

    public func post(_ topic: SignalTopic) {
        let waiting = subscriptions.withLock { $0[topic].map { Array($0.values) } ?? [] }
        for subscription in waiting { subscription.signal() }
    }

    /// Wakes everybody: signals may have been missed.
    public func postAll() {
        let waiting = subscriptions.withLock { table in table.values.flatMap(\.values) }
        for subscription in waiting { subscription.signal() }
    }

    /// Notes every signal on `topics` from now on until `cancel` or the body's end.
    public func withSubscription<Result>(
        to topics: [SignalTopic], _ body: (SignalSubscription) async throws -> Result
    ) async rethrows -> Result {
        let subscription = SignalSubscription()
        let key = ObjectIdentifier(subscription)
        subscriptions.withLock { table in
            for topic in topics { table[topic, default: [:]][key] = subscription }
        }
        defer {
            subscriptions.withLock { table in
                for topic in topics {
                    table[topic]?[key] = nil
                    if table[topic]?.isEmpty == true { table[topic] = nil }
                }
            }
        }
        return try await body(subscription)
    }
}

/// One waiter. A signal that came while nobody waited is kept: the next wait returns at once.
public final class SignalSubscription: Sendable {
    private struct State {
        var isSignalled = false
        var waiter: CheckedContinuation<Void, any Error>?
        var isCancelled = false
    }
    private let state = Mutex(State())

    public init() {}

    /// Wakes the waiter; also for owners that wake themselves.
    public func signal() {
        let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard let waiter = state.waiter else {
                state.isSignalled = true
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume()
    }

    /// Returns when there has been a signal since the last return; throws `CancellationError`. One at a time.
    public func next() async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let outcome = state.withLock { state -> Result<Void, any Error>? in
                    if state.isCancelled {
                        state.isCancelled = false
                        return .failure(CancellationError())
                    }
                    if state.isSignalled {
                        state.isSignalled = false
                        return .success(())
                    }
                    precondition(state.waiter == nil, "one waiter to a subscription")
                    state.waiter = continuation
                    return nil
                }
                if let outcome { continuation.resume(with: outcome) }
            }
        } onCancel: {
            let waiter = state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let waiter = state.waiter else {
                    state.isCancelled = true
                    return nil
                }
                state.waiter = nil
                return waiter
            }
            waiter?.resume(throwing: CancellationError())
        }
        // A cancellation that came after the waiter was resumed is not for the next wait.
        state.withLock { $0.isCancelled = false }
    }

    /// Like `next`, but returns at `deadline` at the latest: true after a signal, false when the time is over.
    public func next(until deadline: Timestamp, by time: any TimeSource) async throws -> Bool {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.next()
                return true
            }
            group.addTask {
                try await time.sleep(until: deadline)
                return false
            }
            let isSignalled = try await group.next() ?? false
            group.cancelAll()
            if isSignalled { return true }
            // A signal that came together with the deadline has been taken off the subscription: it counts.
            while let rest = await group.nextResult() {
                if case .success(true) = rest { return true }
            }
            return false
        }
    }
}
