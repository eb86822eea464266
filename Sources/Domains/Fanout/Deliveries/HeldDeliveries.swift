public import CausewayCore
public import Storage

/// What waits for its disabled subscription, and does so no longer than for a time: then it has failed, and says why. A
/// replay can still bring it back.
public struct HeldDeliveries: Sendable {
    private let longest: Duration
    private let store = DeliveryStore()

    public init(keptFor longest: Duration) { self.longest = longest }

    /// Ends what has been held for too long, the oldest events' deliveries first. Returns how many.
    public func expire(at now: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        try store.expireHeld(before: now - longest, at: now, limit: limit, in: transaction)
    }
}
