public import CausewayCore
public import Storage

/// How a subscription's endpoint has been answering, as its lane remembers it.
///
///     at full speed (pace 0) ──`patience` failures in a row──▶ pace 1 ──a success: + 1──▶ … ──max_in_flight──▶ pace 0
///                            ──one after it has hung──────────▶
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

    /// It may not have all it allows itself.
    var isPaced: Bool { pace > 0 }

    /// What is known of the endpoint: whose places its attempts take, and in which queue the lane stands.
    enum Standing: String, CaseIterable, SQLConvertible {
        /// At full speed.
        case answering
        /// New, or its last attempt was a success after trouble.
        case trying
        case failing
    }

    var standing: Standing { !isPaced ? .answering : failures == 0 ? .trying : .failing }

    /// - Parameter isProbe: only a probe tells that a disabled subscription answers: what was still under way when it was
    ///   disabled must not, or the probe after it would find nothing new to tell.
    mutating func succeed(maxInFlight: Int, isProbe: Bool = false, at now: Timestamp) {
        failures = 0
        failingSince = nil
        warnedAt = nil
        if isProbe, probeAt != nil, answersSince == nil { answersSince = now }
        guard isPaced else { return }
        pace = pace + 1 >= maxInFlight ? 0 : pace + 1
    }

    /// - Parameter hanging: it kept its place for long, as it may do with all others: there is no patience with that.
    mutating func fail(hanging: Bool = false, at now: Timestamp) {
        failures += 1
        failingSince = failingSince ?? now
        answersSince = nil
        if isPaced {
            pace = max(1, pace / 2)
        } else if hanging || failures >= Self.patience {
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
