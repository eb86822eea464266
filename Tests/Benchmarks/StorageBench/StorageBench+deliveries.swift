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
        try await subscribe(subscriptions, to: url)
        let statements = engine.statistics[.statements]
        let begin = ContinuousClock.now
        try await publish(count / subscriptions)
        try await send { try await whileOpen() }
        let sent = count / subscriptions * subscriptions
        return (
            Self.rate(sent, since: begin), Double(engine.statistics[.statements] - statements) / Double(sent)
        )
    }

    /// Deliveries a second while `count` of them wait, the first 20,000; where they are fewer, in several turns.
    func backlog(_ count: Int, to url: String, subscriptions: Int = 100) async throws -> Double {
        try await subscribe(subscriptions, to: url)
        var (sent, spent) = (0, Duration.zero)
        while sent < 20_000 {
            try await publish(count / subscriptions)
            let begin = ContinuousClock.now
            let goal = sent + min(count, 20_000)
            try await send { try await whileFewer(than: goal) }
            spent += ContinuousClock.now - begin
            sent = try await attempts()
        }
        return Double(sent) / spent.inSeconds
    }

    private func subscribe(_ count: Int, to url: String) async throws {
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8"]))
        let operations = SubscriptionOperations(engine: engine, time: SystemTimeSource(), egress: egress)
        for _ in 0..<count {
            _ = try await operations.create(["url": .string(url), "max_in_flight": 100]) { _, _ in }
        }
    }

    /// Events, and their deliveries.
    private func publish(_ count: Int) async throws {
        let time = SystemTimeSource()
        try await engine.write { transaction in
            let first = try EventLog().lastSequence(in: transaction)
            for number in 0..<Int64(count) {
                _ = try EventLog().append(
                    EventDraft(
                        type: "export.completed", resource: "exp_\(first + number)", timestamp: time.now(),
                        data: ["report": "vrc_1"]), in: transaction)
            }
        }
        let dispatcher = EventMatching.dispatcher(engine: engine, time: time, logger: logger)
        while try await dispatcher.dispatchOnce() > 0 {}
    }

    /// Runs an engine for as long as `body` does, and lets it finish.
    private func send(_ body: () async throws -> Void) async throws {
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8"]))
        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let deliveries = DeliveryEngine(
            engine: engine, client: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "bench")),
            time: SystemTimeSource(), logger: logger, settings: .init(egress: egress, userAgent: "bench"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await deliveries.run() }
            try await body()
            deliveries.stop()
            try await group.waitForAll()
        }
        await loop.stop()
    }

    /// Until no delivery waits. Looks through an engine of its own, which counts for itself.
    private func whileOpen() async throws {
        try await looking { observer in
            try await observer.read {
                try $0.row("SELECT number FROM delivery WHERE visible_at IS NOT NULL LIMIT 1") != nil
            }
        }
    }

    private func whileFewer(than count: Int) async throws {
        try await looking { observer in try await Self.attempts(in: observer) < count }
    }

    private func attempts() async throws -> Int { try await Self.attempts(in: engine) }

    private static func attempts(in engine: any StorageEngine) async throws -> Int {
        try await engine.read { try $0.row("SELECT COUNT(*) AS n FROM delivery_attempt")?["n"] ?? 0 }
    }

    private func looking(_ isOpen: @Sendable (any StorageEngine) async throws -> Bool) async throws {
        let observer = try Self.open(database, logger: logger)
        try await engine.signals.withSubscription(to: [DeliveryEngine.recorded]) { recorded in
            while try await isOpen(observer) { try await recorded.next() }
        }
        try await observer.close()
    }
}
