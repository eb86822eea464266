import CausewayCore
import Exports
import Fanout
import Imports
import Logging
import Storage
import Synchronization
import Telemetry
import WorkQueue

/// What stands in the store, the same from each gateway: read no more than once in some seconds however many ask, and
/// never waited for by them where the store does not answer.
final class StoreStanding: Sendable {
    private struct Reading {
        let text: String
        let at: Timestamp
    }

    private let engine: any StorageEngine
    private let queue: WorkQueue
    private let kinds: [String]
    private let time: any TimeSource
    private let logger: Logger
    private let reading = Mutex<Reading?>(nil)

    private static let freshness = Duration.seconds(10)
    /// How long whoever asks waits for a new reading.
    private static let patience = Duration.seconds(2)
    private static let asked: SignalTopic = "metrics.asked"
    private static let read: SignalTopic = "metrics.read"

    init(
        engine: any StorageEngine, queue: WorkQueue, kinds: [String], time: any TimeSource, logger: Logger
    ) {
        self.engine = engine
        self.queue = queue
        self.kinds = kinds
        self.time = time
        self.logger = logger
    }

    /// As metrics; nil where nothing fresh can be had.
    func text() async -> String? {
        if let fresh { return fresh }
        await engine.signals.withSubscription(to: [Self.read]) { signal in
            engine.signals.post(Self.asked)
            _ = try? await signal.next(until: time.now() + Self.patience, by: time)
        }
        return fresh
    }

    private var fresh: String? {
        reading.withLock { reading in
            guard let reading, time.now() < reading.at + Self.freshness, time.now() >= reading.at else { return nil }
            return reading.text
        }
    }

    /// Until cancelled: reads when somebody asks.
    func run() async throws {
        try await engine.signals.withSubscription(to: [Self.asked]) { signal in
            while true {
                try await signal.next()
                guard fresh == nil else { continue }
                do {
                    let now = time.now()
                    let text = try await engine.read { [queue, kinds] transaction in
                        try Self.text(queue, kinds, at: now, in: transaction)
                    }
                    reading.withLock { $0 = Reading(text: text, at: now) }
                } catch {
                    logger.warning("metrics could not be read from the database", metadata: ["error": "\(error)"])
                }
                engine.signals.post(Self.read)
            }
        }
    }

    private static func text(
        _ queue: WorkQueue, _ kinds: [String], at now: Timestamp, in transaction: any Transaction
    ) throws -> String {
        var metrics = MetricText()
        metrics.family("causeway_exports", .gauge, "Exports on their way by status; counted up to 100000.")
        for (status, count) in try ExportStanding(in: transaction).counts {
            metrics.sample("causeway_exports", [(name: "status", value: status.rawValue)], count)
        }
        metrics.family("causeway_imports", .gauge, "Imports by state; counted up to 100000.")
        for (state, count) in try ImportStanding(in: transaction).counts {
            metrics.sample("causeway_imports", [(name: "state", value: state.rawValue)], count)
        }
        let deliveries = try DeliveryStanding(at: now, in: transaction)
        metrics.family("causeway_deliveries", .gauge, "Deliveries not delivered by state; counted up to 100000.")
        for (state, count) in deliveries.counts {
            metrics.sample("causeway_deliveries", [(name: "state", value: state.rawValue)], count)
        }
        metrics.family(
            "causeway_subscriptions_in_trouble", .gauge,
            "Subscriptions whose endpoint fails, that are disabled for it (failures, gone), or answer again while disabled."
        )
        for (trouble, count) in try SubscriptionStanding(in: transaction).counts {
            metrics.sample("causeway_subscriptions_in_trouble", [(name: "trouble", value: trouble)], count)
        }
        metrics.single(
            "causeway_deliveries_oldest_due_seconds", .gauge, "How long the oldest delivery that is due has been due.",
            deliveries.oldestDue.inSeconds)
        metrics.family("causeway_work_items", .gauge, "Work by kind and state; counted up to 100000.")
        for work in try queue.standing(of: kinds, at: now, in: transaction) {
            for (state, count) in [("due", work.due), ("leased", work.leased), ("buried", work.buried)] {
                metrics.sample(
                    "causeway_work_items", [(name: "kind", value: work.kind), (name: "state", value: state)], count)
            }
        }
        return metrics.text
    }
}
