public import Storage

/// How many subscriptions are in trouble, and in which.
public struct SubscriptionStanding: Sendable {
    /// `failing`: no success since the last failure; `failures` and `gone`: disabled for it; `answering`: disabled, and
    /// answers again.
    public let counts: [(trouble: String, count: Int)]

    public init(in transaction: any Transaction) throws {
        let disabled = try [Subscription.Disabled.failures, .gone].map { reason in
            (
                trouble: reason.rawValue,
                count: try transaction.count(
                    "subscription WHERE enabled = 0 AND deleted_at IS NULL AND disabled_reason = \(reason)")
            )
        }
        counts =
            [(trouble: "failing", count: try transaction.count("delivery_lane WHERE failing_since IS NOT NULL"))]
            + disabled
            + [(trouble: "answering", count: try transaction.count("delivery_lane WHERE answers_since IS NOT NULL"))]
    }
}
