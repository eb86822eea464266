import CausewayCore

/// The attempts that this process has room for. Those that are slow, or whose subscription is in trouble, have places of
/// their own: however many endpoints hang until the time-out, the others find theirs free.
///
/// An attempt is slow once it has been under way for a second. So endpoints that have all begun to hang a moment ago hold
/// the others up for a second, once; and no more than twice `each` are ever under way.
struct DeliveryPlaces: Sendable {
    static let slow = Duration.seconds(1)

    /// Of each kind.
    let each: Int

    struct Room: Sendable {
        var healthy: Int
        var troubled: Int
        /// Subscriptions with an attempt that is slow.
        var slowLanes: Set<Int64> = []
        /// When an attempt becomes slow and so makes room.
        var nextSlow: Timestamp?

        var isEmpty: Bool { healthy == 0 && troubled == 0 }
    }

    func room(beside underWay: [ClaimedDelivery], at now: Timestamp) -> Room {
        var quick = 0
        var oldestQuick: Timestamp?
        var slowLanes: Set<Int64> = []
        for claim in underWay {
            let isSlow = claim.claimedAt + Self.slow <= now
            if isSlow { slowLanes.insert(claim.subscription.number) }
            guard !isSlow, !claim.isTroubled else { continue }
            quick += 1
            oldestQuick = min(oldestQuick ?? claim.claimedAt, claim.claimedAt)
        }
        let apart = underWay.count - quick
        let healthy = max(0, min(each - quick, 2 * each - underWay.count))
        return Room(
            healthy: healthy, troubled: max(0, each - apart), slowLanes: slowLanes,
            nextSlow: healthy == 0 ? oldestQuick.map { $0 + Self.slow } : nil)
    }
}
