public import CausewayCore

/// What a `RoundLoop` goes round with: how to claim, to do, and to write down.
public protocol LeasedWork: Sendable {
    /// What was claimed. Of one `id` only one runs at a time.
    associatedtype Claim: Sendable & Identifiable where Claim.ID: Sendable
    /// What came of it.
    associatedtype Report: Sendable

    /// In one transaction: prolongs `situation.late`, writes `situation.reports` down, and claims what there is room
    /// for. Where it throws, nothing was written, or nobody knows: the reports are handed to the next round, which finds
    /// by the fence what is there already.
    func round(_ situation: RoundSituation<Claim, Report>) async throws -> Round<Claim>

    /// Prolongs leases; returns until when, and of which, by their places in `claims`. Those that are lost are passed
    /// over.
    /// - Parameter isWaiting: for rows that others are changing right now; else they are passed over as well.
    func prolong(_ claims: [Claim], isWaiting: Bool) async throws -> (leaseEnd: Timestamp, held: Set<Int>)

    /// What it costs to write a report down, by the cheapest ones.
    func weight(_ report: Report) -> Int

    /// Does it. Where its task is cancelled, the report is that the claim is given back.
    func perform(_ claim: Claim) async -> Report
}

extension LeasedWork {
    public func weight(_ report: Report) -> Int { 1 }
}

/// What a round starts from.
public struct RoundSituation<Claim: Sendable, Report: Sendable>: Sendable {
    public let reports: [Report]
    /// Claims that still run.
    public let underWay: [Claim]
    /// Of these, those whose lease has little time left: they are prolonged before anything is claimed, so that nobody
    /// claims his own work away.
    public let late: [Claim]
    /// False while stopping.
    public let isClaiming: Bool
}

/// What a round has brought.
public struct Round<Claim: Sendable>: Sendable {
    public let claims: [Claim]
    /// The end of these claims' leases, and of those that were prolonged.
    public let leaseEnd: Timestamp
    /// Which of the late ones were, by their places; the others are lost, or are being changed by somebody.
    public let prolonged: Set<Int>
    /// When there may be more to claim; nil where nobody knows of any, or no room is left.
    public let nextDue: Timestamp?

    public init(
        claims: [Claim] = [], leaseEnd: Timestamp, prolonged: Set<Int> = [], nextDue: Timestamp? = nil
    ) {
        self.claims = claims
        self.leaseEnd = leaseEnd
        self.prolonged = prolonged
        self.nextDue = nextDue
    }

    /// When to look again for what was due at `now` and could not be claimed, since another gateway holds it: not
    /// before a moment has passed.
    public static func next(_ due: Timestamp?, at now: Timestamp) -> Timestamp? {
        due.map { $0 <= now ? now + .milliseconds(50) : $0 }
    }
}
