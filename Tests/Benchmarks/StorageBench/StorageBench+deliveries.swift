import CausewayCore
import Events
import Fanout
import OutboundHTTP
import Storage

extension StorageBench {
    /// Deliveries a second, and statements for each: matching, claiming and recording together.
    func deliveries(
        _ count: Int, to url: String, subscriptions: Int = 100
    ) async throws -> (rate: Double, statements: Double) {
        let time = SystemTimeSource()
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8"]))
        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let deliveries = DeliveryEngine(
            engine: engine, client: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "bench")),
            time: time, logger: logger, settings: .init(egress: egress, userAgent: "bench"))
        let operations = SubscriptionOperations(engine: engine, time: time, egress: egress)
        for _ in 0..<subscriptions {
            _ = try await operations.create(["url": .string(url), "max_in_flight": 100]) { _, _ in }
        }
        let statements = engine.statistics[.statements]
        let begin = ContinuousClock.now
        let events = count / subscriptions
        try await engine.write { transaction in
            for number in 0..<events {
                _ = try EventLog().append(
                    EventDraft(
                        type: "export.completed", resource: "exp_\(number)", timestamp: time.now(),
                        data: ["report": "vrc_1"]), in: transaction)
            }
        }
        let dispatcher = EventMatching.dispatcher(engine: engine, time: time, logger: logger)
        while try await dispatcher.dispatchOnce() > 0 {}
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await deliveries.run() }
            try await whileOpen()
            deliveries.stop()
            try await group.waitForAll()
        }
        let rate = Self.rate(events * subscriptions, since: begin)
        await loop.stop()
        return (rate, Double(engine.statistics[.statements] - statements) / Double(events * subscriptions))
    }

    /// Until no delivery waits. Looks through an engine of its own, which counts for itself.
    private func whileOpen() async throws {
        let observer = try Self.open(database, logger: logger)
        try await engine.signals.withSubscription(to: [DeliveryEngine.recorded]) { recorded in
            func isOpen() async throws -> Bool {
                try await observer.read {
                    try $0.row("SELECT number FROM delivery WHERE visible_at IS NOT NULL LIMIT 1") != nil
                }
            }
            while try await isOpen() { try await recorded.next() }
        }
        try await observer.close()
    }
}
