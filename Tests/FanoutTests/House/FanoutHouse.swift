import CausewayCore
import Events
import Fanout
import Logging
import OutboundHTTP
import Storage
import Support
import WorkQueue

/// The whole domain on a real SQLite and a real HTTP client, under a clock that stands still.
struct FanoutHouse: Sendable {
    let database: TestDatabase
    let time = ManualTimeSource()
    let loop: CurlMultiLoop
    let client: OutboundHTTPClient
    let logger: Logger
    let egress: EgressPolicy

    var storage: any StorageEngine { database.engine }
    var subscriptions: SubscriptionOperations { .init(engine: storage, time: time, egress: egress) }
    var deliveries: DeliveryOperations { .init(engine: storage) }
    var dispatcher: EventDispatcher { EventMatching.dispatcher(engine: storage, time: time, logger: logger) }

    init(
        allowing networks: [String] = ["127.0.0.0/8"], logging lines: LogLines = LogLines(),
        proxy: String? = nil, caFile: String? = nil
    ) async throws {
        database = try await TestDatabase(EventMigrations.all + WorkQueueMigrations.all + FanoutMigrations.all)
        logger = lines.logger()
        egress = EgressPolicy(allowing: try AllowedNetworks(parsing: networks))
        loop = CurlMultiLoop(logger: logger)
        try loop.start()
        client = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "test", proxy: proxy, caFile: caFile))
    }

    /// - Parameter isNew: nobody knows its endpoint yet; else it has long been answering.
    func subscribe(_ members: JSONValue, isNew: Bool = false) async throws -> Subscription {
        let subscription = try await subscriptions.create(members) { _, _ in }
        guard !isNew else { return subscription }
        _ = try await storage.write { try $0.execute("UPDATE delivery_lane SET pace = 0") }
        return subscription
    }

    /// Appends an event and writes its deliveries.
    @discardableResult
    func publish(
        _ type: String = "export.completed", _ resource: String = "exp_1", attributes: [String: String] = [:],
        data: JSONValue = ["report": "vrc_1"]
    ) async throws -> EventID {
        let draft = EventDraft(
            type: type, resource: resource, timestamp: time.now(), attributes: attributes, data: data)
        _ = try await storage.write { try EventLog().append(draft, in: $0) }
        while try await dispatcher.dispatchOnce() > 0 {}
        return draft.id
    }

    func engine(
        schedule: String = "5s,30s,2m", timeout: Duration = .seconds(10), places: Int = 64,
        time other: (any TimeSource)? = nil, vault: SecretVault = SecretVault(),
        adjusting: (inout DeliveryEngine.Settings) -> Void = { _ in }
    ) -> DeliveryEngine {
        var settings = DeliveryEngine.Settings(
            retrySchedule: RetrySchedule(parsing: schedule) ?? RetrySchedule([]), timeout: timeout, egress: egress,
            userAgent: "Causeway/1.2.3", places: places, vault: vault)
        adjusting(&settings)
        return DeliveryEngine(
            engine: storage, client: client, time: other ?? time, logger: logger, settings: settings)
    }

    /// Runs an engine for as long as `body` does, and lets it finish.
    func running(_ engine: DeliveryEngine, _ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await engine.run() }
            do {
                while engine.lastLook == nil { await Task.yield() }
                try await body()
            } catch {
                group.cancelAll()
                throw error
            }
            engine.stop()
            try await group.waitForAll()
        }
    }

    /// Returns once `condition` holds; looks again after each written attempt.
    func until(_ condition: () async throws -> Bool) async throws {
        try await storage.signals.withSubscription(to: [DeliveryEngine.recorded]) { signal in
            while try await !condition() { try await signal.next() }
        }
    }

    func all(_ filter: DeliveryFilter = DeliveryFilter()) async throws -> [Delivery] {
        try await deliveries.list(filter, PageRequest(limit: 200)).elements
    }

    func only() async throws -> Delivery {
        let all = try await all()
        guard all.count == 1 else { throw NotOne(count: all.count) }
        return all[0]
    }

    func attempts() async throws -> [DeliveryAttempt] {
        try await deliveries.delivery(only().id).attempts
    }

    struct NotOne: Error { let count: Int }
}
