import CausewayCore

/// The attempts that this process has room for, by what is known of their endpoints, so that however many hang until the
/// time-out, the others find places free:
///
/// - Endpoints that answer have `each` places. An attempt leaves them once it has been under way for a second: it is slow
///   then, and what else its subscription has goes apart. The last quarter of them is for subscriptions that have nothing
///   under way, one attempt each: so endpoints that have all begun to hang a moment ago, and fill the rest, hold up none of
///   those that answer, unless they are more than there are places: then for a second, once.
/// - Apart from them there are as many for what is slow, for endpoints that fail, and for those that are tried: nobody
///   knows yet how they answer, or they have just begun to answer again.
/// - Those that fail never have more than half of these, and those that are tried find a quarter of them free each second,
///   whatever hangs: who is new and answers does not wait for the time-outs of who does not.
struct DeliveryPlaces: Sendable {
    static let slow = Duration.seconds(1)

    /// For those that answer, and as many apart.
    let each: Int

    struct Room: Sendable {
        var answering: Int
        var trying: Int
        var failing: Int
        /// For what is slow; those that fail share it.
        var slow: Int
        /// Of those that answer, the places that are left to subscriptions with nothing under way.
        var reserved = 0
        /// Subscriptions with an attempt that is slow.
        var slowLanes: Set<Int64> = []
        /// When an attempt becomes slow and so makes room.
        var nextSlow: Timestamp?

        static let none = Room(answering: 0, trying: 0, failing: 0, slow: 0)

        var isEmpty: Bool { !LaneHealth.Standing.allCases.contains(where: has) }

        /// Whether there is a place for some of a queue's lanes.
        func has(_ standing: LaneHealth.Standing) -> Bool {
            switch standing {
            case .answering: answering > 0
            case .trying: trying > 0
            case .failing: self[.failing] > 0
            }
        }

        func kind(of subscription: Subscription) -> Kind {
            if !subscription.enabled { return .failing }
            if slowLanes.contains(subscription.number) { return .slow }
            return switch subscription.health.standing {
            case .answering: .answering
            case .trying: .trying
            case .failing: .failing
            }
        }

        subscript(kind: Kind) -> Int {
            switch kind {
            case .answering: answering
            case .trying: trying
            case .failing: min(failing, slow)
            case .slow: slow
            }
        }

        mutating func take(_ count: Int, _ kind: Kind) {
            switch kind {
            case .answering: answering -= count
            case .trying:
                trying -= count
                slow = max(0, slow - count)
            case .failing:
                failing -= count
                slow -= count
            case .slow: slow -= count
            }
        }
    }

    /// Whose places an attempt takes; in the order in which they are given out.
    enum Kind: CaseIterable {
        case answering, trying, slow, failing

        /// In whose queue most of its lanes stand.
        var standing: LaneHealth.Standing {
            switch self {
            case .answering, .slow: .answering
            case .trying: .trying
            case .failing: .failing
            }
        }
    }

    func room(beside underWay: [ClaimedDelivery], at now: Timestamp) -> Room {
        var (quick, tried, triedQuickly, failing) = (0, 0, 0, 0)
        var (oldestQuick, oldestTry): (Timestamp?, Timestamp?)
        var slowLanes: Set<Int64> = []
        for claim in underWay {
            let isSlow = claim.claimedAt + Self.slow <= now
            if isSlow { slowLanes.insert(claim.subscription.number) }
            switch claim.standing {
            case .answering where !isSlow:
                quick += 1
                oldestQuick = min(oldestQuick ?? claim.claimedAt, claim.claimedAt)
            case .answering: break
            case .trying:
                tried += 1
                guard !isSlow else { break }
                triedQuickly += 1
                oldestTry = min(oldestTry ?? claim.claimedAt, claim.claimedAt)
            case .failing: failing += 1
            }
        }
        let apart = max(0, each - (underWay.count - quick))
        // No more than three and a quarter times `each` are ever under way, and so many only where each second others
        // begin to hang.
        let answering = max(0, min(each - quick, 13 * each / 4 - underWay.count))
        let trying = max(0, min(max(apart, max(1, each / 4) - triedQuickly), 2 * each - tried))
        let oldest = [answering == 0 ? oldestQuick : nil, trying == 0 ? oldestTry : nil].compactMap(\.self).min()
        return Room(
            answering: answering, trying: trying, failing: max(0, min(apart, max(1, each / 2) - failing)), slow: apart,
            reserved: each / 4, slowLanes: slowLanes, nextSlow: oldest.map { $0 + Self.slow })
    }
}
