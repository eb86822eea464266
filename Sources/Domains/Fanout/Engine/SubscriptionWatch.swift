import CausewayCore
import Events
import Storage

/// What attempts mean for their subscriptions: their pace, and whether they are to be disabled, or answer again.
struct SubscriptionWatch: Sendable {
    let rule: DisablingRule
    /// How long after a subscription was disabled for its failures it is tried.
    let probeInterval: Duration
    /// Whether one that answers again is enabled by itself.
    let enablesAgain: Bool
    private let lanes = DeliveryLanes()
    private let subscriptions: SubscriptionStore
    private let open = OpenDeliveries()

    init(
        rule: DisablingRule, probeInterval: Duration, enablesAgain: Bool, vault: SecretVault = SecretVault()
    ) {
        subscriptions = SubscriptionStore(vault: vault)
        self.rule = rule
        self.probeInterval = probeInterval
        self.enablesAgain = enablesAgain
    }

    /// Those whose rows `follow` may change, and which are therefore locked before their lanes. Where one is missed,
    /// since the lane has changed after the claim, its next failure finds it.
    func mayChange(_ judged: [JudgedAttempt], at now: Timestamp) -> Set<Int64> {
        Set(
            judged.filter { attempt in
                let delivery = attempt.report.delivery
                return attempt.verdict == .gone || (delivery.isProbe && attempt.verdict == .delivered)
                    || (attempt.verdict != .delivered
                        && rule.consequence(of: delivery.subscription.health, at: now) == .disable)
            }.map(\.lane))
    }

    /// Folds attempts that were written down into the health of their lanes, which are locked.
    /// - Parameters:
    ///   - before: how the lanes fared.
    ///   - locked: whose subscriptions are locked as well.
    func follow(
        _ written: [JudgedAttempt], before: [Int64: LaneHealth], locked: Set<Int64>, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> [SubscriptionChange] {
        var after: [Int64: LaneHealth] = [:]
        var changes: [(lane: Int64, change: SubscriptionChange.Kind, occurrence: String)] = []
        for (lane, attempts) in Dictionary(grouping: written, by: \.lane).sorted(by: { $0.key < $1.key }) {
            guard let old = before[lane] else { continue }
            var health = old
            for attempt in attempts { health.fold(attempt, at: now) }
            let decisive = attempts.last { $0.verdict == .gone } ?? attempts[attempts.count - 1]
            let thisTime = "\(decisive.report.delivery.number.id) \(decisive.report.delivery.attempt)"
            let since = health.failingSince.map { String($0.milliseconds) } ?? ""
            if decisive.verdict == .gone {
                if try subscriptions.disable(lane, because: .gone, at: now, in: transaction) {
                    health.probeAt = nil
                    changes.append((lane, .gone, thisTime))
                }
            } else if health.answersSince != nil, old.answersSince == nil {
                changes.append((lane, .answers, thisTime))
            } else if health.probeAt == nil {
                switch rule.consequence(of: health, at: now) {
                case .none: break
                case .announce:
                    health.warnedAt = now
                    changes.append((lane, .failing, since))
                case .disable where locked.contains(lane):
                    if try subscriptions.disable(lane, because: .failures, at: now, in: transaction) {
                        health.probeAt = now + probeInterval.jittered(by: 0.2)
                        changes.append((lane, .disabled, since))
                    }
                case .disable: break
                }
            }
            if health != old { after[lane] = health }
        }
        try lanes.write(after, in: transaction)
        for (lane, change, _) in changes {
            switch change {
            case .gone, .disabled: try open.follow(lane, at: now, in: transaction)
            case .answers where enablesAgain && locked.contains(lane):
                try subscriptions.enable(lane, in: transaction)
                try lanes.welcome(lane, in: transaction)
                try open.follow(lane, at: now, in: transaction)
            case .answers, .failing: break
            }
        }
        let rows = try subscriptions.subscriptions(changes.map(\.lane), in: transaction)
        let byNumber = Dictionary(uniqueKeysWithValues: rows.map { ($0.number, $0) })
        return changes.compactMap { lane, change, occurrence in
            byNumber[lane].map { SubscriptionChange(kind: change, subscription: $0, occurrence: occurrence, at: now) }
        }
    }
}

extension LaneHealth {
    fileprivate mutating func fold(_ attempt: JudgedAttempt, at now: Timestamp) {
        if attempt.verdict == .delivered {
            let delivery = attempt.report.delivery
            succeed(maxInFlight: delivery.subscription.terms.maxInFlight, isProbe: delivery.isProbe, at: now)
        } else {
            fail(hanging: attempt.report.duration >= DeliveryPlaces.slow, at: now)
        }
    }
}
