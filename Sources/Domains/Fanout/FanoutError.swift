/// Why an operation on subscriptions or deliveries was refused.
public enum FanoutError: Error, Hashable, Sendable {
    /// 422: each wrong member, with how to mend it.
    case invalid([MemberMistake])
    /// 404.
    case subscriptionNotFound
    /// 404.
    case deliveryNotFound

    /// Stable, for programs.
    public var code: String {
        switch self {
        case .invalid(let mistakes):
            mistakes.allSatisfy { $0.code == "unknown_field" } ? "unknown_field" : "invalid_subscription"
        case .subscriptionNotFound: "subscription_not_found"
        case .deliveryNotFound: "delivery_not_found"
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
