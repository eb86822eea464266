import ServiceLifecycle

/// Waiting on a caller's behalf (`?wait=`) without holding up a stop.
enum LongPoll {
    /// What `wait` answers, or `now` as soon as the process is asked to stop.
    static func answer<Result: Sendable>(
        _ wait: @escaping @Sendable () async throws -> Result, now: () async throws -> Result
    ) async throws -> Result {
        do {
            return try await cancelWhenGracefulShutdown(wait)
        } catch is CancellationError where !Task.isCancelled {
            return try await now()
        }
    }
}
