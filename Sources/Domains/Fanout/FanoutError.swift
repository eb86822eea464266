public import CausewayCore

/// Why an operation on subscriptions or deliveries was refused.
public enum FanoutError: Error, Hashable, Sendable {
    /// 422: each wrong member, with how to mend it.
    case invalid([MemberMistake])
    /// 404.
    case subscriptionNotFound
    /// 404.
    case deliveryNotFound
    /// 404.
    case eventNotFound
    /// 409: its deliveries are kept, and cannot be sent any more.
    case subscriptionDeleted
    /// 409: an attempt is being made right now.
    case deliveryUnderWay
    /// 409: the subscription's format has no such event.
    case notInFormat
    /// 503: a fault of ours; nothing reached the endpoint.
    case notSent(String)
    /// 409: another test of the subscription is being sent.
    case testUnderWay
    /// 409: no key we have opens the subscription's secrets and headers.
    case secretSealed
    /// 409: as many secrets sign as may, one of them until then.
    case tooManySecrets(until: Timestamp)

    /// Stable, for programs.
    public var code: String {
        switch self {
        case .invalid(let mistakes):
            mistakes.allSatisfy { $0.code == "unknown_field" } ? "unknown_field" : "invalid_subscription"
        case .subscriptionNotFound: "subscription_not_found"
        case .deliveryNotFound: "delivery_not_found"
        case .eventNotFound: "event_not_found"
        case .subscriptionDeleted: "subscription_deleted"
        case .deliveryUnderWay: "delivery_under_way"
        case .notInFormat: "not_in_format"
        case .notSent: "not_sent"
        case .testUnderWay: "test_under_way"
        case .secretSealed: "secret_sealed"
        case .tooManySecrets: "too_many_secrets"
        }
    }

    /// For people.
    public var detail: String {
        switch self {
        case .invalid(let mistakes):
            mistakes.prefix(5).map { $0.field.isEmpty ? $0.detail : "\($0.field): \($0.detail)" }
                .joined(separator: " ")
        case .subscriptionNotFound: "There is no subscription with this id."
        case .deliveryNotFound: "There is no delivery with this id."
        case .eventNotFound: "There is no event with this id; `events.retention` says how long they are kept."
        case .subscriptionDeleted: "The subscription of this delivery was deleted: nothing can be sent to it any more."
        case .deliveryUnderWay: "An attempt is being made right now: look at what comes of it, then retry if need be."
        case .notInFormat:
            "The subscription's format `vendor` has \(WebhookMessage.vendorType) only, and this event is another."
        case .notSent(let reason): "No attempt could be made: \(reason). Try again shortly."
        case .testUnderWay: "Another test of this subscription waits for its answer: try again when that is there."
        case .secretSealed:
            "The secret and the headers' values are encrypted with a key that is neither secrets.key nor among "
                + "secrets.previous_keys. Put that key back, or give both `secret` and `headers` anew in one PATCH."
        case .tooManySecrets(let until):
            "\(SecretRotation.mostLive) secrets sign already, the first of them until \(until.rfc3339). Wait for that, or "
                + "rotate with \"grace\": 0, which ends them all."
        }
    }
}

/// One wrong member of a request's body.
public struct MemberMistake: Hashable, Sendable {
    /// `filter.report`, `headers.X-Team`, …; empty for the body itself.
    public let field: String
    /// Stable, snake_case.
    public let code: String
    /// What is wrong and how to mend it.
    public let detail: String

    public init(_ field: String, _ code: String, _ detail: String) {
        self.field = field
        self.code = code
        self.detail = detail
    }
}
