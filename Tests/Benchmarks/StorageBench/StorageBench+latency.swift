import CausewayCore
import Events
import Fanout
import OutboundHTTP
import Storage

extension StorageBench {
    /// How long one subscriber waits for events that come `rate` times a second, each committed by itself: from before
    /// that commit to its answer, in milliseconds.
    func latency(rate: Int, to url: String, seconds: Int = 20) async throws -> (p50: Int64, p99: Int64) {
        let time = SystemTimeSource()
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8"]))
        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let deliveries = DeliveryEngine(
            engine: engine, client: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "bench")),
            time: time, logger: logger, settings: .init(egress: egress, userAgent: "bench"))
        let operations = SubscriptionOperations(engine: engine, time: time, egress: egress)
        let subscription = try await operations.create(["url": .string(url), "max_in_flight": 100]) { _, _ in }
        try await publishing(rate * seconds, every: .seconds(1) / rate, deliveries)
        await loop.stop()
        let waits = try await waits(of: [subscription.id])
        guard waits.count == rate * seconds else { throw Undelivered(count: rate * seconds - waits.count) }
        return (waits[waits.count / 2], waits[waits.count * 99 / 100])
    }

    /// Runs the engine and publishes events one by one, each at its time, however long the ones before it take.
    func publishing(_ count: Int, every interval: Duration, _ deliveries: DeliveryEngine) async throws {
        let time = SystemTimeSource()
        let dispatcher = EventMatching.dispatcher(engine: engine, time: time, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await deliveries.run() }
            group.addTask { try? await dispatcher.run() }
            try await withThrowingTaskGroup(of: Void.self) { publishing in
                let begin = ContinuousClock.now
                for number in 0..<count {
                    try await Task.sleep(until: begin + interval * number, clock: .continuous)
                    publishing.addTask { [engine] in
                        try await engine.write { transaction in
                            _ = try EventLog().append(
                                EventDraft(
                                    type: "export.completed", resource: "exp_\(number)", timestamp: time.now(),
                                    data: ["report": "vrc_1"]), in: transaction)
                        }
                    }
                }
                try await publishing.waitForAll()
            }
            try await Task.sleep(for: .seconds(2))
            group.cancelAll()
        }
    }

    /// From each event to the end of its delivery to one of these subscribers, in milliseconds, sorted.
    func waits(of subscriptions: Set<SubscriptionID>) async throws -> [Int64] {
        try await engine.read { transaction in
            try transaction.rows(
                """
                SELECT a.started_at + a.duration_ms - e.occurred_at AS wait
                FROM delivery d JOIN event_log e ON e.sequence = d.event_sequence
                JOIN delivery_attempt a ON a.delivery_number = d.number
                JOIN subscription s ON s.number = d.subscription_number
                WHERE d.state = 'delivered' AND s.id IN \(list: Array(subscriptions))
                """
            ).map { try $0["wait"] }.sorted()
        }
    }

    struct Undelivered: Error { let count: Int }
}
