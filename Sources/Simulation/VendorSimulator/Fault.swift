import CausewayCore

/// Something that goes wrong on purpose.
///
/// As text, for `--fault`: the kind, then members, with commas between:
/// `drop_answer,route=trigger,count=1` · `status,route=export,status=503,probability=0.1` · `webhook_delayed,delay=3s`
/// As JSON, for the control surface: `{"kind":"status","route":"export","status":503,"count":2,"delay_ms":50}`.
public struct Fault: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        // Requests, also for files.
        /// The request is taken and acted upon; then the connection closes without an answer.
        case dropAnswer = "drop_answer"
        /// The connection closes at the head of the request; nothing is acted upon.
        case closeBeforeBody = "close_before_body"
        /// The connection closes after `after_bytes` of the body (default 1); nothing is acted upon.
        case closeInBody = "close_in_body"
        /// Nothing more is read for `delay` after `after_bytes` of the body (default 1); then the connection closes, and
        /// nothing is acted upon.
        case stallInBody = "stall_in_body"
        /// Acted upon at once, answered `delay` later.
        case delay
        /// Answers `status` (default 500), `message`, `retry_after`; acted upon only where `processed`.
        case status
        /// 429 for too many requests, with `retry_after` where given.
        case rateLimited = "rate_limited"
        /// Acted upon, but 200 with a page of HTML.
        case notJSON = "not_json"
        /// Acted upon; whole as HTTP, but the JSON stops half-way.
        case truncatedJSON = "truncated_json"
        /// Acted upon; the connection breaks after half of the answer, or after `after_bytes`.
        case cutAnswer = "cut_answer"
        /// Acted upon; 200 without `data`.
        case noData = "no_data"
        // Downloads.
        /// The connection breaks after `after_bytes` (default half).
        case truncatedDownload = "truncated_download"
        /// Each block of 64 KiB waits `delay`.
        case slowDownload = "slow_download"
        /// Nothing comes for `delay` after `after_bytes` (default half); then the rest.
        case stalledDownload = "stalled_download"
        /// The link is dead before its time.
        case linkExpired = "link_expired"
        // Downloads that go on after a break (with `Range`).
        /// The whole file comes all the same.
        case rangeIgnored = "range_ignored"
        /// The file has become another, a row longer, under the same link.
        case fileChanged = "file_changed"
        // Exports.
        /// The export triggered ends as failure.
        case exportFails = "export_fails"
        // Webhooks.
        /// Sent twice.
        case webhookDoubled = "webhook_doubled"
        /// Held until another webhook has been sent after it, at most `delay` (default 5 s).
        case webhookReordered = "webhook_reordered"
        /// Sent `delay` later.
        case webhookDelayed = "webhook_delayed"
        /// Never sent.
        case webhookLost = "webhook_lost"
        /// Says success as soon as the export is queued, with links that lead nowhere; the right one follows.
        case webhookEarly = "webhook_early"
    }

    public var kind: Kind
    /// A route's name (`trigger`), the beginning of one up to a dot (`import`, `webhook`), or `*`.
    public var route: String
    /// How often it may still strike; nil: always.
    public var count: Int?
    /// How many matching happenings it lets pass first.
    public var skip = 0
    public var probability = 1.0
    public var delay: Duration
    public var status = 500
    public var message: String?
    /// Seconds.
    public var retryAfter: Int?
    public var afterBytes: Int?
    public var processed = false
    /// Given by the simulator.
    public internal(set) var id = ""
    /// How often it struck.
    public internal(set) var used = 0

    public init(_ kind: Kind, route: String? = nil, count: Int? = nil) {
        self.kind = kind
        self.route = route ?? kind.defaultRoute
        self.count = count
        self.delay = kind == .webhookReordered ? .seconds(5) : .seconds(1)
    }
}

extension Fault.Kind {
    static let requests: Set<Self> = [
        .dropAnswer, .closeBeforeBody, .closeInBody, .stallInBody, .delay, .status, .rateLimited, .notJSON,
        .truncatedJSON, .cutAnswer, .noData,
    ]
    static let downloads: Set<Self> = [.truncatedDownload, .slowDownload, .stalledDownload, .linkExpired]
    static let resumptions: Set<Self> = [.rangeIgnored, .fileChanged]
    static let webhooks: Set<Self> = [.webhookDoubled, .webhookReordered, .webhookDelayed, .webhookLost]

    var defaultRoute: String {
        switch self {
        case .truncatedDownload, .slowDownload, .stalledDownload, .linkExpired, .rangeIgnored, .fileChanged: "files"
        case .exportFails: "trigger"
        case .webhookDoubled, .webhookReordered, .webhookDelayed, .webhookLost, .webhookEarly: "webhook"
        default: "*"
        }
    }
}

extension Fault {
    func matches(_ name: String) -> Bool {
        route == "*" || route == name || name.hasPrefix(route + ".")
    }

    /// Whether it strikes now; counts what it lets pass and how often it struck.
    mutating func strikes(kinds: Set<Kind>, route name: String, random: inout SplitMix) -> Bool {
        guard kinds.contains(kind), matches(name), count != 0 else { return false }
        if skip > 0 {
            skip -= 1
            return false
        }
        guard probability >= 1 || random.fraction() < probability else { return false }
        count = count.map { $0 - 1 }
        used += 1
        return true
    }
}
