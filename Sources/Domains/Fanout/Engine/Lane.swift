import CausewayCore
import Storage

/// A subscription's lane as a claim finds it, locked.
struct Lane {
    let subscription: Subscription
    let rate: RateLimit?
    /// How many more may go now.
    let free: Int
    /// The oldest delivery that is open is due, and goes beside what the pace allows.
    let takesOldest: Bool
    /// Nothing of it is under way.
    let isIdle: Bool
    /// Its deliveries are still being put into their order.
    let isArranged: Bool
    /// Whether `free` is what is left of a bound that only the end of an attempt makes room in.
    private let isBounded: Bool

    var number: Int64 { subscription.number }

    /// - Parameter limit: attempts of one subscription under way at most, whatever it asks for itself.
    init(row: ResultRow, vault: SecretVault, limit: Int, at now: Timestamp) throws {
        subscription = try Subscription(row: row).opened(by: vault)
        let underWay: Int = try row["under_way"]
        isIdle = underWay == 0
        let blockedUntil: Timestamp = try row["blocked_until"]
        let walk: String? = try row["walk"]
        isArranged = walk != nil && subscription.terms.ordering != .none
        let isOldestDue: Bool = try row["is_oldest_due"]
        let isBlocked = blockedUntil > now
        let pace = subscription.health.isPaced ? subscription.health.pace : .max
        var free = max(0, min(subscription.terms.maxInFlight, limit, pace) - underWay)
        // What has waited for longest keeps to its own schedule, however many hang.
        if free == 0, isOldestDue, underWay < min(subscription.terms.maxInFlight, limit) { free = 1 }
        if let perSecond = subscription.terms.ratePerSecond {
            let rate = RateLimit(perSecond: perSecond, next: try row["rate_next"])
            self.rate = rate
            isBounded = !isBlocked && free <= rate.available(at: now)
            free = min(free, rate.available(at: now))
        } else {
            rate = nil
            isBounded = !isBlocked
        }
        self.free = isBlocked ? 0 : free
        takesOldest = isOldestDue && self.free > 0
    }

    /// Its next turn comes when an attempt ends.
    func isFull(taking taken: Int) -> Bool { isBounded && free <= taken }
}
