public import CausewayCore
public import Events
public import Storage

/// Which deliveries are asked for: any of each list, all where it is empty.
public struct DeliveryFilter: Hashable, Sendable {
    public var subscriptions: [SubscriptionID]
    public var events: [EventID]
    public var states: [Delivery.State]

    public init(subscriptions: [SubscriptionID] = [], events: [EventID] = [], states: [Delivery.State] = []) {
        self.subscriptions = subscriptions
        self.events = events
        self.states = states
    }
}

/// What callers do with deliveries.
public struct DeliveryOperations: Sendable {
    private let engine: any StorageEngine
    private let store = DeliveryStore()

    public init(engine: any StorageEngine) {
        self.engine = engine
    }

    /// The deliveries of the newest events first.
    public func list(_ filter: DeliveryFilter = DeliveryFilter(), _ page: PageRequest) async throws -> Page<Delivery> {
        try await engine.read { [store] in try store.page(filter, page, in: $0) }
    }

    /// A delivery and its attempts, oldest first. Throws `FanoutError.deliveryNotFound`.
    public func delivery(_ id: DeliveryID) async throws -> (delivery: Delivery, attempts: [DeliveryAttempt]) {
        guard let number = DeliveryNumber(id) else { throw FanoutError.deliveryNotFound }
        return try await engine.read { [store] transaction in
            guard let delivery = try store.delivery(number, in: transaction) else { throw FanoutError.deliveryNotFound }
            return (delivery, try store.attempts(of: number, in: transaction))
        }
    }
}
