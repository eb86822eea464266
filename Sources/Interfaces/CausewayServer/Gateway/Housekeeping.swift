import Access
import CausewayCore
import Fanout
import Logging
import ServiceLifecycle
import Storage

/// Ends and removes what has had its time, in small batches, so that no writer waits long: answers for an
/// `Idempotency-Key`, deliveries held for a disabled subscription, entries of the audit log, deliveries and events.
struct Housekeeping: Service {
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    let deliveries: DeliveryRetention
    let held: HeldDeliveries
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
                    await tidy()
                    round += 1
                    if round % Self.slowRounds == 1 { await tidySlowly() }
                }
            } catch is CancellationError {}
        }
    }

    private func tidy() async {
        _ = await inBatches { try IdempotencyLog().prune(at: $0, limit: Self.batch, in: $1) }
        let expired = await inBatches { [held] in try held.expire(at: $0, limit: Self.batch, in: $1) }
        if expired > 0 {
            logger.warning(
                "deliveries were held for too long and have failed", metadata: ["deliveries": "\(expired)"])
        }
    }

    private func tidySlowly() async {
        _ = await inBatches { [auditRetention] in
            try AuditLog().prune(before: $0 - auditRetention, limit: Self.batch, in: $1)
        }
        do {
            try await deliveries.tidy()
        } catch {
            logger.error("tidying up deliveries failed", metadata: ["error": "\(error)"])
        }
    }

    /// - Parameter step: one batch; returns how many it found.
    private func inBatches(
        _ step: @escaping @Sendable (Timestamp, any Transaction) throws -> Int
    ) async -> Int {
        var total = 0
        do {
            var found = Self.batch
            while found == Self.batch, !Task.isCancelled {
                found = try await engine.write { [time] in try step(time.now(), $0) }
                total += found
            }
        } catch {
            logger.error("tidying up failed", metadata: ["error": "\(error)"])
        }
        return total
    }
}
