import Access
import CausewayCore
import Logging
import ServiceLifecycle
import Storage

/// Removes answers kept for an `Idempotency-Key` whose time is over, in small batches, so that no writer waits long.
struct Housekeeping: Service {
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger

    private static let interval = Duration.seconds(60)
    private static let batch = 500

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                while true {
                    try await time.sleep(for: Self.interval)
                    await tidy()
                }
            } catch is CancellationError {}
        }
    }

    private func tidy() async {
        do {
            var removed = Self.batch
            while removed == Self.batch, !Task.isCancelled {
                removed = try await engine.write { [time] transaction in
                    try IdempotencyLog().prune(at: time.now(), limit: Self.batch, in: transaction)
                }
            }
        } catch {
            logger.error("tidying up failed", metadata: ["error": "\(error)"])
        }
    }
}
