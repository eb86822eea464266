public import CausewayCore
public import Storage

/// How a subscription's endpoint has been answering, as its lane remembers it.
///
///     at full speed (pace 0) ──`patience` failures in a row──▶ pace 1 ──a success: + 1──▶ … ──max_in_flight──▶ pace 0
///                                                                ▲─────a failure: halved─────┘
///
/// Each success makes room for one attempt more, so the pace doubles with each round trip. Pure: whoever writes attempts
/// down folds them in, in the transaction that records them.
public struct LaneHealth: Equatable, Sendable {
    /// Failures in a row after which a lane is in trouble.
    static let patience = 3

    /// Attempts under way at once while the endpoint recovers; zero where it may have all it allows itself.
    var pace = 0
    /// In a row.
    var failures = 0
    /// The first failure since the last success.
    public internal(set) var failingSince: Timestamp?
    /// When it was announced that the subscription will be disabled.
    var warnedAt: Timestamp?
    /// When a subscription that was disabled for its failures is tried next.
    var probeAt: Timestamp?
    /// Since when such a subscription answers again.
    public internal(set) var answersSince: Timestamp?

    /// It shares the places of those in trouble, and leaves the others' alone.
    var isTroubled: Bool { pace > 0 }

    /// - Parameter isProbe: only a probe tells that a disabled subscription answers: what was still under way when it was
    ///   disabled must not, or the probe after it would find nothing new to tell.
    mutating func succeed(maxInFlight: Int, isProbe: Bool = false, at now: Timestamp) {
        failures = 0
        failingSince = nil
        warnedAt = nil
        if isProbe, probeAt != nil, answersSince == nil { answersSince = now }
        guard isTroubled else { return }
        pace = pace + 1 >= maxInFlight ? 0 : pace + 1
    }

    mutating func fail(at now: Timestamp) {
        failures += 1
        failingSince = failingSince ?? now
        answersSince = nil
        if isTroubled {
            pace = max(1, pace / 2)
        } else if failures >= Self.patience {
            pace = 1
        }
    }
}

extension LaneHealth: RowDecodable {
    /// Reads the columns of `SubscriptionStore.columns`.
    public init(row: ResultRow) throws {
        pace = try row["pace"]
        failures = try row["failures"]
        failingSince = try row["failing_since"]
        warnedAt = try row["warned_at"]
        probeAt = try row["probe_at"]
        answersSince = try row["answers_since"]
    }
}
