import CausewayCore

/// What the operator can set about exports. URLs have no slash at the end.
public struct ExportSettings: Sendable {
    /// Where the vendor reaches `/hooks`.
    public var publicURL: String
    /// Under which callers are given links to files.
    public var internalURL: String
    /// The member for whom an export is made where the request names none.
    public var memberEmail: String?
    /// Between two status calls while webhooks are not known to arrive.
    public var pollFast = Duration.seconds(30)
    /// The same once they are.
    public var pollSlow = Duration.seconds(60)
    /// An export that the vendor still shows as queued after this long has failed. It says up to 30 minutes.
    public var pollPatience = Duration.seconds(2 * 3600)
    /// How long an export is asked for that the vendor does not answer about: its links would be dead by then.
    public var silencePatience = Duration.seconds(48 * 3600)
    /// How long after its links should have died a success is looked at again: clocks differ.
    public var expiryGrace = Duration.seconds(60)
    /// How long a hint is waited for after a trigger of unknown outcome.
    public var unknownPatience = Duration.seconds(45 * 60)
    /// How long after a trigger of unknown outcome it is sent once more, where no hint has come; nil: never. Where the
    /// first was taken, the vendor's limit of one export for a report and member answers the second with 429, and a
    /// hint is waited for as before; where it was not (we died on the way), the export goes on instead of failing.
    /// Only within the limit's window, and only where that limit is one.
    public var asksAgainAfter: Duration?
    /// How long triggers are tried that the vendor does not take (it is down, the keys are wrong).
    public var triggerPatience = Duration.seconds(24 * 3600)
    public var limits = ExportLimitSettings()
    /// A schedule's run that is later than this was missed.
    public var scheduleGrace = Duration.seconds(300)
    public var mirror = MirrorSettings()
    /// How old an answer about saved reports may be.
    public var reportsAge = Duration.seconds(300)
    /// Whether the account's subscription is kept registered at the vendor.
    public var registersWebhook = true
    /// How often it is looked after.
    public var webhookCheckInterval = Duration.seconds(6 * 3600)

    public init(publicURL: String, internalURL: String, memberEmail: String?) {
        func trimmed(_ url: String) -> String { String(url.reversed().drop { $0 == "/" }.reversed()) }
        self.publicURL = trimmed(publicURL)
        self.internalURL = trimmed(internalURL)
        self.memberEmail = memberEmail
    }

    /// From when after a trigger of unknown outcome to when it may be sent once more.
    var asksAgainWithin: Range<Duration>? {
        guard let asksAgainAfter, limits.perReport == 1, asksAgainAfter < limits.window else { return nil }
        return asksAgainAfter..<limits.window
    }

    func exportHookURL(_ token: Secret) -> String { "\(publicURL)/hooks/exports/\(token.reveal())" }
    func eventsHookURL(_ token: String) -> String { "\(publicURL)/hooks/events/\(token)" }
}

/// The vendor's limits. Two of its pages differ on what the first counts.
public struct ExportLimitSettings: Sendable {
    public var window = Duration.seconds(2 * 3600)
    /// Exports of one report for one member in a window.
    public var perReport = 1
    /// True where the vendor counts a report whoever the member is.
    public var reportLimitIgnoresMember = false
    /// Exports for one member in a window.
    public var perMember = 20
    /// Whether an export that failed at the vendor keeps its report's place: the guide counts each that exists. Among
    /// the *active* exports of a member it is not counted.
    public var failureKeepsReport = true

    public init() {}
}
