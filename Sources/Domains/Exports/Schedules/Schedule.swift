public import CausewayCore
public import Storage

public enum ScheduleKind: IdentifierKind { public static let prefix = "sch" }
public typealias ScheduleID = Identifier<ScheduleKind>

/// A report that is asked for again and again, by a cron line on a place's clock.
public struct Schedule: Sendable, Equatable {
    public let id: ScheduleID
    public internal(set) var terms: ScheduleTerms
    public let createdAt: Timestamp
    /// When it runs next; nil while it is disabled. It only ever moves past what has run, so that a clock that is set
    /// back runs nothing again.
    public internal(set) var nextAt: Timestamp?
    public internal(set) var lastRun: ScheduleRun?

    /// Nil where this host cannot read what another has stored: a zone that its tables do not have.
    var timetable: Timetable? { Timetable(cron: terms.cron, timeZone: terms.timeZone) }

    /// Takes up its times from now on; what was due before is dropped.
    mutating func startOver(at now: Timestamp) {
        nextAt = terms.enabled ? timetable?.next(after: lastRun.map { max($0.at, now) } ?? now) : nil
    }
}

/// What its owner says about a schedule.
public struct ScheduleTerms: Sendable, Hashable {
    /// `vrc_…`
    public var report = ""
    /// Nil takes the configured one at each run.
    public var memberEmail: String?
    public var showUnexpanded = false
    /// See `CronLine`.
    public var cron = ""
    /// An IANA name.
    public var timeZone = Self.defaultTimeZone
    /// Given back with each export, beside the schedule's id.
    public var metadata: JSONValue = [:]
    public var enabled = true
    public var description: String?

    public static let defaultTimeZone = "UTC"
}

/// One run of a schedule.
public struct ScheduleRun: Sendable, Equatable {
    /// The time by its cron line that it ran for.
    public let at: Timestamp
    /// When the export was asked for.
    public let requestedAt: Timestamp
    /// Nil where none could be asked for; `error` says why.
    public let export: ExportID?
    public let error: ExportError?
}

extension Schedule: RowDecodable {
    public init(row: ResultRow) throws {
        id = try row["id"]
        terms = ScheduleTerms(
            report: try row["report"], memberEmail: try row["member_email"],
            showUnexpanded: try row["show_unexpanded"], cron: try row["cron"], timeZone: try row["time_zone"],
            metadata: try row["metadata"], enabled: try row["enabled"], description: try row["description"])
        createdAt = try row["created_at"]
        nextAt = try row["next_at"]
        let at: Timestamp? = try row["last_at"]
        let error: String? = try row["last_error"]
        lastRun = try at.map { at in
            ScheduleRun(
                at: at, requestedAt: try row["last_requested_at"], export: try row["last_export"],
                error: try error.map { try JSONText.decode(ExportError.self, from: $0) })
        }
    }
}
