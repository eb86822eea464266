import CausewayCore
import Events
import Logging
import Storage

/// Writes what `EventMatching` has left for later: the deliveries to endpoints in trouble, event by event, some hundred to
/// a transaction, so that neither the others' deliveries nor what is to be written down of them waits for long.
///
/// It goes over all subscriptions, since a lane may have begun to answer, or ceased to, in between; what the first has
/// written stays as it is. How far it is with an event stands in `delivery_matching`.
struct RestOfMatching: Sendable {
    static let name = "fanout-rest"
    static let topic: SignalTopic = "fanout-rest"
    /// Subscriptions looked at in one transaction.
    let part: Int
    private let matching = EventMatching()

    static func dispatcher(
        engine: any StorageEngine, time: any TimeSource, logger: Logger, part: Int = 128
    ) -> EventDispatcher {
        EventDispatcher(
            name: name, wokenBy: topic, engine: engine, time: time, logger: logger, batch: 1,
            pause: .milliseconds(2)
        ) { events, transaction in
            guard let event = events.first else { return nil }
            return try RestOfMatching(part: part).goOn(with: event, at: time.now(), in: transaction)
                ? event.sequence : nil
        }
    }

    /// Does the next part. Returns whether it was the last.
    private func goOn(with event: Event, at now: Timestamp, in transaction: any Transaction) throws -> Bool {
        let place = try transaction.row("SELECT sequence, subscription_number FROM delivery_matching")
        var after: Int64 = 0
        if let place, try place["sequence"] == event.sequence { after = try place["subscription_number"] }
        let lanes: [Int64] = try transaction.rows(
            """
            SELECT subscription_number FROM delivery_lane WHERE subscription_number > \(after)
            ORDER BY subscription_number LIMIT \(part)
            """
        ).map { try $0["subscription_number"] }
        guard let last = lanes.last else { return true }
        try matching.enqueue([event], to: .numbers(after + 1...last), at: now, in: transaction)
        guard lanes.count == part else { return true }
        try transaction.execute(
            "UPDATE delivery_matching SET sequence = \(event.sequence), subscription_number = \(last)")
        return false
    }
}
