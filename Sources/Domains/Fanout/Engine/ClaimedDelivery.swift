import CausewayCore
import Events
import OutboundHTTP

/// A delivery under this process's lease, with all that an attempt needs. A class, since it is handed on often and its
/// parts are many.
final class ClaimedDelivery: Sendable, Identifiable {
    let number: DeliveryNumber
    /// Grows with each claim: what an earlier claim still wants to write is refused.
    let fence: Int64
    /// Of the attempt to be made, from 1.
    let attempt: Int
    /// Failed attempts in this round of the schedule.
    let step: Int
    let subscription: Subscription
    let event: EventEnvelope
    let claimedAt: Timestamp
    /// One that is held, tried to find out whether its disabled subscription answers again.
    let isProbe: Bool

    init(
        number: DeliveryNumber, fence: Int64, attempt: Int, step: Int, subscription: Subscription,
        event: EventEnvelope, claimedAt: Timestamp, isProbe: Bool = false
    ) {
        self.number = number
        self.fence = fence
        self.attempt = attempt
        self.step = step
        self.subscription = subscription
        self.event = event
        self.claimedAt = claimedAt
        self.isProbe = isProbe
    }

    var id: DeliveryNumber { number }
    /// Earlier claims that came to no attempt.
    var idleClaims: Int { max(0, Int(fence) - attempt) }
    /// What was known of its endpoint when it was claimed.
    var standing: LaneHealth.Standing { isProbe ? .failing : subscription.health.standing }
}

/// How one attempt went.
struct AttemptReport: Sendable {
    enum Outcome: Sendable {
        /// A status came; the body may have been cut off.
        case answered(status: Int, body: [UInt8], retryAfter: Duration?)
        case unanswered(AttemptError, detail: String)
        /// It ended for a reason of ours, so it counts for nothing: the delivery is given back.
        case abandoned(reason: String)
    }

    let delivery: ClaimedDelivery
    let startedAt: Timestamp
    let duration: Duration
    let remoteAddress: String?
    let outcome: Outcome
    /// When each of its steps was done, from its start.
    var timings = TransferTimings()
}
