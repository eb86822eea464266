public import CausewayCore
public import Storage
public import WorkQueue

/// A walk over the open deliveries of a subscription that was changed. Where it is stands in the payload of its work item,
/// which is replaced in the transaction of each step.
struct SubscriptionWalk: Sendable {
    static let kind = "subscription.walk"

    var id = RandomToken.make(bytes: 12)
    let subscription: Int64
    /// The lowest number of a delivery that is still to be looked at.
    var first: Int64 = 0

    /// In the transaction of the change.
    var isFirst: Bool { first == 0 }
}

extension SubscriptionWalk {
    func draft(at now: Timestamp) -> WorkDraft {
        WorkDraft(
            kind: Self.kind, key: "\(id) \(first)",
            payload: ["id": .string(id), "subscription": .integer(subscription), "first": .integer(first)], dueAt: now)
    }

    init?(_ payload: JSONValue) {
        guard let id = payload["id"]?.string, let subscription = payload["subscription"]?.integer,
            let first = payload["first"]?.integer
        else { return nil }
        self.id = id
        self.subscription = subscription
        self.first = first
    }
}

/// Walks over what is open of subscriptions that were enabled, disabled, deleted, or given another order.
public struct SubscriptionWalking: Sendable {
    private let engine: any StorageEngine
    private let queue: WorkQueue
    private let time: any TimeSource
    private let subscriptions = SubscriptionStore()
    private let lanes = DeliveryLanes()
    private let open = OpenDeliveries()

    public init(engine: any StorageEngine, queue: WorkQueue, time: any TimeSource) {
        self.engine = engine
        self.queue = queue
        self.time = time
    }

    public var handler: WorkHandler {
        WorkHandler(kind: SubscriptionWalk.kind, concurrency: 2) { [self] item in
            guard let walk = SubscriptionWalk(item.payload) else { return .bury("the payload is no walk") }
            try await engine.write { transaction in
                let now = time.now()
                try subscriptions.lock([walk.subscription], in: transaction)
                try lanes.lock([walk.subscription], in: transaction)
                let rest = try open.goOn(walk, at: now, in: transaction)
                try queue.complete(item, at: now, in: transaction)
                if let rest { try queue.enqueue(rest.draft(at: now), at: now, in: transaction) }
            }
            return .settled
        }
    }
}
