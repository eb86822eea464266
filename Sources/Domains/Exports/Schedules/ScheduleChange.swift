public import CausewayCore

/// What a caller says of a schedule: what is nil was not said and stays as it is.
public struct ScheduleChange: Sendable {
    public var report: String?
    /// An inner nil takes the configured one.
    public var memberEmail: String??
    public var showUnexpanded: Bool?
    public var cron: String?
    public var timeZone: String?
    public var metadata: JSONValue?
    public var enabled: Bool?
    public var description: String??

    public init() {}

    func applied(to terms: ScheduleTerms) -> ScheduleTerms {
        var terms = terms
        if let report { terms.report = report }
        if let memberEmail { terms.memberEmail = memberEmail }
        if let showUnexpanded { terms.showUnexpanded = showUnexpanded }
        if let cron { terms.cron = cron }
        if let timeZone { terms.timeZone = timeZone }
        if let metadata { terms.metadata = metadata }
        if let enabled { terms.enabled = enabled }
        if let description { terms.description = description }
        return terms
    }

    /// All that is wrong with what was said; for a new schedule also with what was not.
    func mistakes(isNew: Bool, defaultMember: String?) -> [ExportMistake] {
        let said: [(String, Bool)] = [
            ("report", report != nil), ("member_email", memberEmail != nil), ("cron", cron != nil),
            ("time_zone", timeZone != nil), ("metadata", metadata != nil), ("description", description != nil),
        ]
        let fields = Set(said.filter { isNew || $0.1 }.map(\.0))
        return applied(to: ScheduleTerms()).mistakes(defaultMember: defaultMember).filter { fields.contains($0.field) }
    }
}

extension ScheduleTerms {
    /// The member of an export's metadata that names its schedule.
    static let ownMember = "schedule"
    /// Two runs that are closer to one another are refused.
    static let leastInterval = Duration.seconds(300)
    private static let maximumDescription = 1000

    func mistakes(defaultMember: String?) -> [ExportMistake] {
        var mistakes = request(by: nil).mistakes(defaultMember: defaultMember)
        func refuse(_ field: String, _ code: String, _ detail: String) {
            mistakes.append(ExportMistake(field: field, code: code, detail: detail))
        }
        do throws(CronMistake) {
            let interval = try CronLine(parsing: cron).shortestInterval
            if interval < Self.leastInterval {
                refuse(
                    "cron", "too_often",
                    "Two of its runs are \(DurationText.format(interval)) apart; let at least "
                        + "\(DurationText.format(Self.leastInterval)) pass.")
            }
        } catch {
            refuse("cron", "invalid_cron", error.words)
        }
        if WallClock(timeZone) == nil {
            let near = WallClock.nearest(to: timeZone).map { " Did you mean `\($0)`?" } ?? ""
            refuse("time_zone", "unknown_time_zone", "The IANA name of a time zone, like Europe/Berlin or UTC.\(near)")
        }
        if metadata[Self.ownMember] != nil {
            refuse("metadata", "reserved", "`\(Self.ownMember)` is set to the schedule's id in each export.")
        }
        if let description, description.utf8.count > Self.maximumDescription || description.utf8.contains(0) {
            refuse("description", "too_long", "\(Self.maximumDescription) bytes of text at most, without NUL.")
        }
        return mistakes
    }

    /// What a run asks for.
    /// - Parameter id: nil where only its form matters.
    func request(by id: ScheduleID?) -> ExportRequest {
        let caller = id?.text ?? ScheduleID(high: 0, low: 0).text
        let metadata = metadata.object.map { JSONValue.object($0.merging([Self.ownMember: .string(caller)]) { $1 }) }
        return ExportRequest(
            report: report, memberEmail: memberEmail, showUnexpanded: showUnexpanded, whenLimited: .defer,
            metadata: metadata ?? self.metadata, caller: caller)
    }
}
