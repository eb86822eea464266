import Access
import CausewayCore
import Fanout
import Logging
import ServiceLifecycle
import Storage

/// Removes what is kept for a time that is over, in small batches, so that no writer waits long: answers for an
/// `Idempotency-Key`, entries of the audit log, deliveries and events.
struct Housekeeping: Service {
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    let deliveries: DeliveryRetention
    let auditRetention: Duration

    private static let interval = Duration.seconds(60)
    /// Rounds between two looks at what is kept for days.
    private static let slowRounds = 10
    private static let batch = 500

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                var round = 0
                while true {
                    try await time.sleep(for: Self.interval)
                    await tidy { now, transaction in
                        try IdempotencyLog().prune(at: now, limit: Self.batch, in: transaction)
                    }
                    round += 1
                    if round % Self.slowRounds == 1 { await tidySlowly() }
                }
            } catch is CancellationError {}
        }
    }

    private func tidySlowly() async {
        await tidy { [auditRetention] now, transaction in
            try AuditLog().prune(before: now - auditRetention, limit: Self.batch, in: transaction)
        }
        do {
            try await deliveries.tidy()
        } catch {
            logger.error("tidying up deliveries failed", metadata: ["error": "\(error)"])
        }
    }

    /// - Parameter prune: removes one batch and returns how many.
    private func tidy(_ prune: @escaping @Sendable (Timestamp, any Transaction) throws -> Int) async {
        do {
            var removed = Self.batch
            while removed == Self.batch, !Task.isCancelled {
                removed = try await engine.write { [time] in try prune(time.now(), $0) }
            }
        } catch {
            logger.error("tidying up failed", metadata: ["error": "\(error)"])
        }
    }
}
