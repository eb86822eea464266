public import CausewayCore
public import Events
public import Storage
public import WorkQueue

/// Which deliveries of a subscription are sent again.
public struct ReplayRequest: Sendable {
    /// `failed`, or whatever has ended.
    public enum Selection: String, CaseIterable, Sendable { case failed, all }

    /// Of events that happened from then on, up to then.
    public var since: Timestamp
    public var until: Timestamp
    public var selection: Selection

    public init(since: Timestamp, until: Timestamp, selection: Selection) {
        self.since = since
        self.until = until
        self.selection = selection
    }
}

/// Sends again what was sent before, because somebody asks for it. A delivery begins its schedule anew under the same id,
/// its attempts go on counting; one whose subscription is disabled is held.
public struct Redelivery: Sendable {
    /// A single delivery is sent again at once; what may be many is a work item that walks over them, a few to a
    /// transaction.
    private let engine: any StorageEngine
    private let queue: WorkQueue
    private let time: any TimeSource
    private let store = DeliveryStore()
    private let subscriptions = SubscriptionStore()
    private let lanes = DeliveryLanes()
    private let log = EventLog()

    public init(engine: any StorageEngine, queue: WorkQueue, time: any TimeSource) {
        self.engine = engine
        self.queue = queue
        self.time = time
    }

    /// Throws `FanoutError`: `deliveryNotFound`, `subscriptionDeleted`, `deliveryUnderWay`.
    public func retry(
        _ id: DeliveryID, recording: @escaping @Sendable (Delivery, any Transaction) throws -> Void
    ) async throws -> Delivery {
        guard let number = DeliveryNumber(id) else { throw FanoutError.deliveryNotFound }
        return try await engine.write { [self] transaction in
            guard let found = try store.delivery(number, in: transaction) else { throw FanoutError.deliveryNotFound }
            let subscription = try locked(found.subscription, in: transaction)
            guard let delivery = try store.delivery(number, in: transaction) else { throw FanoutError.deliveryNotFound }
            guard delivery.state != .delivering else { throw FanoutError.deliveryUnderWay }
            try store.sendAgain([number.value], of: subscription, at: time.now(), in: transaction)
            guard let after = try store.delivery(number, in: transaction) else { throw FanoutError.deliveryNotFound }
            try recording(after, transaction)
            return after
        }
    }

    /// Returns how many deliveries are to be sent again, counted up to 100,000. Throws `FanoutError.subscriptionNotFound`.
    public func replay(
        _ id: SubscriptionID, _ request: ReplayRequest,
        recording: @escaping @Sendable (Int, any Transaction) throws -> Void
    ) async throws -> Int {
        try await engine.write { [self] transaction in
            guard let subscription = try subscriptions.subscription(id, in: transaction) else {
                throw FanoutError.subscriptionNotFound
            }
            // Events are in the order of their commits; the clocks that told their times may differ by a little.
            let slack = Duration.seconds(600)
            let first = try log.place(of: request.since - slack, in: transaction)
            let end = try log.place(of: request.until + slack, in: transaction)
            let walk = ReplayWalk(
                subscription: subscription.number, first: first * DeliveryNumber.subscriptions,
                below: end * DeliveryNumber.subscriptions, since: request.since, until: request.until,
                states: request.selection == .failed ? [.failed] : ReplayWalk.ended)
            return try begin(walk, recording: recording, in: transaction)
        }
    }

    /// The same of one event: to one subscription, also one it was never meant for, or to all it was sent to.
    /// Throws `FanoutError`: `eventNotFound`, `subscriptionNotFound`, `notInFormat`.
    public func replay(
        _ event: EventID, to id: SubscriptionID?, recording: @escaping @Sendable (Int, any Transaction) throws -> Void
    ) async throws -> Int {
        try await engine.write { [self] transaction in
            guard let event = try log.event(event, isKept: true, in: transaction) else {
                throw FanoutError.eventNotFound
            }
            guard let id else {
                let first = event.sequence * DeliveryNumber.subscriptions
                let walk = ReplayWalk(
                    subscription: nil, first: first, below: first + DeliveryNumber.subscriptions,
                    since: event.timestamp, until: event.timestamp + .milliseconds(1), states: ReplayWalk.ended)
                return try begin(walk, recording: recording, in: transaction)
            }
            guard let subscription = try subscriptions.subscription(id, in: transaction, locking: true) else {
                throw FanoutError.subscriptionNotFound
            }
            guard subscription.terms.format != .vendor || event.type == WebhookMessage.vendorType else {
                throw FanoutError.notInFormat
            }
            try lanes.lock([subscription.number], in: transaction)
            let now = time.now()
            try store.insertEnded(event.sequence, subscription.number, at: now, in: transaction)
            let number = event.sequence * DeliveryNumber.subscriptions + subscription.number
            let count = try store.sendAgain([number], of: subscription, at: now, in: transaction)
            try recording(count, transaction)
            return count
        }
    }

    private func begin(
        _ walk: ReplayWalk, recording: @Sendable (Int, any Transaction) throws -> Void, in transaction: any Transaction
    ) throws -> Int {
        let count = try store.count(walk, in: transaction)
        if count > 0 { try queue.enqueue(walk.draft(at: time.now()), at: time.now(), in: transaction) }
        try recording(count, transaction)
        return count
    }

    private func locked(_ id: SubscriptionID, in transaction: any Transaction) throws -> Subscription {
        guard let subscription = try subscriptions.subscription(id, in: transaction, locking: true) else {
            throw FanoutError.subscriptionDeleted
        }
        try lanes.lock([subscription.number], in: transaction)
        return subscription
    }

    // MARK: Work

    /// Walks over the deliveries of a replay.
    public var handler: WorkHandler {
        WorkHandler(kind: ReplayWalk.kind, concurrency: 2) { [self] item in
            guard let walk = ReplayWalk(item.payload) else { return .bury("the payload is no replay") }
            try await engine.write { transaction in
                let now = time.now()
                let rest = try step(walk, at: now, in: transaction)
                try queue.complete(item, at: now, in: transaction)
                if let rest { try queue.enqueue(rest.draft(at: now), at: now, in: transaction) }
            }
            return .settled
        }
    }

    /// Returns what is still to be walked.
    private func step(_ walk: ReplayWalk, at now: Timestamp, in transaction: any Transaction) throws -> ReplayWalk? {
        let rows = try store.walked(walk, in: transaction)
        let chosen = Dictionary(grouping: rows.filter(walk.chooses), by: \.subscription)
        let numbers = chosen.keys.sorted()
        try subscriptions.lock(numbers, in: transaction)
        try lanes.lock(numbers, in: transaction)
        for subscription in try subscriptions.existing(numbers, in: transaction) {
            let deliveries = chosen[subscription.number, default: []].map(\.number)
            try store.sendAgain(deliveries, of: subscription, at: now, in: transaction)
        }
        guard rows.count == ReplayWalk.batch, let last = rows.last else { return nil }
        var rest = walk
        rest.first = last.number + 1
        return rest
    }
}
