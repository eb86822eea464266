public import CausewayCore

/// For work that has effects outside the store: what it does where the store does not say what became of a change.
public enum CommitDoubt {
    /// Looks again where nobody knows whether the commit holds. `look` is told whether it looks for the first time: at a
    /// later look it may find what the one before has written.
    public static func lookAgain<Result>(_ look: (_ isFirst: Bool) async throws -> Result) async throws -> Result {
        var looks = 0
        while true {
            do {
                return try await look(looks == 0)
            } catch StorageError.connectionLost(commitSent: true) where looks < 3 {
                looks += 1
            }
        }
    }

    /// Writes what is known here and nowhere else until it holds: what passes or is mended by somebody is waited for as
    /// long as the process lives, anything else is tried four times. `write` may find its own writing there.
    /// - Parameter failed: told of each failure.
    public static func insist<Result>(
        by time: any TimeSource, failed: (StorageError) -> Void, _ write: () async throws -> Result
    ) async throws -> Result {
        var pause = Duration.milliseconds(100)
        var tries = 1
        while true {
            do {
                return try await write()
            } catch let error as StorageError {
                failed(error)
                guard error.mayPass || tries < 4 else { throw error }
                try await time.sleep(for: pause)
                pause = min(pause * 10, .seconds(10))
                tries += 1
            }
        }
    }
}
