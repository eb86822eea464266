import Foundation

/// Where the time comes from. Injected, so that a test can move a day on without waiting one.
public protocol TimeSource: Sendable {
    func now() -> Timestamp

    /// Returns when `now()` has reached `time`, at once where it has; throws `CancellationError`.
    func sleep(until time: Timestamp) async throws
}

extension TimeSource {
    public func sleep(for duration: Duration) async throws {
        try await sleep(until: now() + duration)
    }
}

/// The machine's clock.
public struct SystemTimeSource: TimeSource {
    public init() {}

    public func now() -> Timestamp {
        Timestamp(milliseconds: Int64((Date().timeIntervalSince1970 * 1000).rounded(.down)))
    }

    public func sleep(until time: Timestamp) async throws {
        while true {
            let left = time.since(now())
            guard left > .zero else { return }
            // In pieces, so that a wall clock set forward is noticed within a minute.
            try await Task.sleep(for: min(left, .seconds(60)))
        }
    }
}
