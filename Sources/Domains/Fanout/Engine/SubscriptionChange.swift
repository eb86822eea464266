import CausewayCore
import Events

/// What its endpoint's answers have done to a subscription, and how the others are told.
struct SubscriptionChange: Sendable {
    enum Kind: String, Sendable {
        /// It will be disabled unless it answers.
        case failing
        /// Nothing but failures for too long.
        case disabled
        /// Its endpoint has said that it is gone.
        case gone
        /// It was disabled for its failures, and was tried.
        case answers

        var eventType: String {
            switch self {
            case .failing: "subscription.failing"
            case .disabled, .gone: "subscription.disabled"
            case .answers: "subscription.recovered"
            }
        }
    }

    let kind: Kind
    let subscription: Subscription
    let event: EventDraft

    /// - Parameter occurrence: which time, as it stands in the store: the event's id follows from it.
    init(kind: Kind, subscription: Subscription, occurrence: String, at now: Timestamp) {
        self.kind = kind
        self.subscription = subscription
        event = EventDraft(
            type: kind.eventType, resource: subscription.id.text, occurrence: occurrence, timestamp: now,
            data: subscription.jsonForOthers)
    }
}
