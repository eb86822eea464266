import CausewayCore
import Storage
import WorkQueue

/// A walk over deliveries that are to be sent again, from the oldest to the newest. Where it is stands in the payload of
/// its work item, which is replaced in the transaction of each step: a delivery is sent again once, whatever dies.
struct ReplayWalk: Sendable {
    static let kind = "delivery.replay"
    /// Deliveries looked at in one transaction.
    static let batch = 200
    static let ended: [Delivery.State] = [.delivered, .failed, .cancelled]

    var id = RandomToken.make(bytes: 12)
    /// Nil: of any.
    let subscription: Int64?
    /// Numbers of deliveries: the lowest that is still to be looked at, and the one behind the highest.
    var first: Int64
    let below: Int64
    /// When the event happened.
    let since: Timestamp
    let until: Timestamp
    let states: [Delivery.State]

    /// One delivery on the way.
    struct Row: RowDecodable {
        let number: Int64
        let subscription: Int64
        let state: Delivery.State
        let eventType: String
        let occurredAt: Timestamp

        init(row: ResultRow) throws {
            number = try row["number"]
            subscription = try row["subscription_number"]
            state = try row["state"]
            eventType = try row["type"]
            occurredAt = try row["occurred_at"]
        }
    }

    func chooses(_ row: Row) -> Bool {
        states.contains(row.state) && since <= row.occurredAt && row.occurredAt < until
            && row.eventType != EventTypes.test
    }
}

extension ReplayWalk {
    func draft(at now: Timestamp) -> WorkDraft {
        WorkDraft(
            kind: Self.kind, key: "\(id) \(first)",
            payload: [
                "id": .string(id), "subscription": subscription.map(JSONValue.integer) ?? .null,
                "first": .integer(first), "below": .integer(below), "since": .integer(since.milliseconds),
                "until": .integer(until.milliseconds), "states": .array(states.map { .string($0.rawValue) }),
            ], dueAt: now)
    }

    init?(_ payload: JSONValue) {
        guard let id = payload["id"]?.string, let first = payload["first"]?.integer,
            let below = payload["below"]?.integer, let since = payload["since"]?.integer,
            let until = payload["until"]?.integer, let states = payload["states"]?.array
        else { return nil }
        self.id = id
        subscription = payload["subscription"]?.integer
        self.first = first
        self.below = below
        self.since = Timestamp(milliseconds: since)
        self.until = Timestamp(milliseconds: until)
        self.states = states.compactMap { $0.string.flatMap(Delivery.State.init) }
    }
}
