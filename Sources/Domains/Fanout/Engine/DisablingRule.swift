import CausewayCore

/// When nothing but failures disables a subscription: announced after half of the time, done after the whole, and never
/// sooner after the announcement than the other half, so that there is time to mend it.
struct DisablingRule: Sendable {
    let after: Duration

    enum Consequence: Equatable, Sendable {
        case none, announce, disable
    }

    func consequence(of health: LaneHealth, at now: Timestamp) -> Consequence {
        guard let since = health.failingSince else { return .none }
        if let warnedAt = health.warnedAt {
            return now >= max(since + after, warnedAt + after / 2) ? .disable : .none
        }
        return now >= since + after / 2 ? .announce : .none
    }
}
