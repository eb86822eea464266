public import CausewayCore

/// A call that did not give what it was made for: why, and what to do about it.
public struct VendorError: Error, Sendable, Hashable, CustomStringConvertible {
    public enum Cause: Sendable, Hashable {
        /// 400 and other refusals that asking again will not change.
        case refused
        /// 401: the keys are wrong.
        case unauthorized
        /// 403: the member or the report is not this account's.
        case forbidden
        /// 404
        case notFound
        /// 429
        case limited(VendorLimit)
        /// 5xx
        case serverFailure
        /// A success that cannot be read: not JSON, or without what it should carry.
        case unusableAnswer
        /// No complete answer: the connection was not made, or broke, or took too long.
        case noAnswer(stage: String)
    }

    /// What to do.
    public enum Action: Sendable, Hashable {
        /// The vendor has done nothing, or the call only reads: it may be made again, after this long where told.
        case retry(after: Duration?)
        /// A limit: not before this time; nil where the vendor does not tell it.
        case waitUntil(Timestamp?)
        /// The same call will be refused again.
        case giveUp(reason: String)
        /// The vendor may or may not have done what was asked. Never simply make the call again.
        case unknownOutcome(stage: String, words: String)
    }

    public let cause: Cause
    public let action: Action
    /// HTTP's status, or the one in the body where HTTP said 2xx and the body did not; nil without an answer.
    public let status: Int?
    /// The vendor's words, or ours where it said none.
    public let message: String
    /// The vendor's answer where it was JSON.
    public let answer: JSONValue?

    public init(cause: Cause, action: Action, status: Int?, message: String, answer: JSONValue? = nil) {
        self.cause = cause
        self.action = action
        self.status = status
        self.message = message
        self.answer = answer
    }

    public var description: String {
        status.map { "the vendor answered \($0): \(message)" } ?? message
    }
}

/// Which of its limits the vendor means with a 429; only the message tells.
public enum VendorLimit: String, Sendable, Hashable {
    /// One export of a report for a member in the window. Also what is not recognised.
    case reportAndMember
    /// The active exports of one member.
    case member
    /// Calls a minute.
    case requests

    public init(message: String, words: LimitWords = LimitWords()) {
        let message = message.lowercased()
        if words.requests.contains(where: message.contains) {
            self = .requests
        } else if words.member.contains(where: message.contains) {
            self = .member
        } else {
            self = .reportAndMember
        }
    }
}
