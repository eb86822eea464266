import Foundation
import UnixSignals

/// Ctrl-C and SIGTERM end what runs in good order.
enum Interruption {
    struct Interrupted: Error {}

    /// Runs `body` and cancels it where the process is asked to end. Throws `Interrupted` then.
    static func catching<Result: Sendable>(_ body: @escaping @Sendable () async throws -> Result) async throws -> Result
    {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        return try await withThrowingTaskGroup(of: Result?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                for await _ in signals { return nil }
                return nil
            }
            defer { group.cancelAll() }
            guard let first = try await group.next(), let result = first else { throw Interrupted() }
            return result
        }
    }
}
