import CausewayCore
import Events
import Logging
public import Storage
import WorkQueue

/// A run as whoever keeps the audit log sees it.
public struct ScheduledRequest: Sendable {
    public let schedule: Schedule
    public let run: ScheduleRun
    /// What was asked for, and how it was answered.
    public let request: ExportRequest
    public let way: RequestedExport.Way

    public typealias Recording = @Sendable (ScheduledRequest, any Transaction) throws -> Void
}

/// Runs schedules: one item for each that is enabled.
///
/// A run is one transaction: it asks for the export, moves the schedule to its next time and puts the item off until
/// then, under the item's lease. The schedule's row, which is locked, decides what is due, never the item; so whatever
/// dies when, and whoever else claims it, each time runs once.
///
/// Times that went by without a run (nothing was running, or all was too slow) are caught up by one run for the latest
/// of them, and `schedule.missed` tells how many there were.
struct ScheduleWork: Sendable {
    static let kind = "export.schedule"

    let context: ExportContext
    let recording: ScheduledRequest.Recording
    private let store = ScheduleStore()

    /// Missed runs are counted up to here.
    private static let countBound = 10_000

    init(context: ExportContext, recording: @escaping ScheduledRequest.Recording) {
        self.context = context
        self.recording = recording
    }

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 8) { item in try await run(item) }
    }

    static func draft(_ id: ScheduleID, dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: id.text, dueAt: dueAt)
    }

    func run(_ item: WorkItem) async throws -> WorkOutcome {
        let ran = try await context.engine.write { [self] in try turn(item, in: $0) }
        if let ran { tell(ran) }
        return .settled
    }

    private struct Ran: Sendable {
        var schedule: Schedule
        var run: ScheduleRun
        var way: RequestedExport.Way?
        var missed: Missed?
    }

    /// Times that went by without a run.
    private struct Missed: Sendable {
        var since: Timestamp
        var count: Int
    }

    private struct UnknownTimes: Error, CustomStringConvertible {
        let terms: ScheduleTerms
        var description: String { "this host does not know the time zone \(terms.timeZone)" }
    }

    private func turn(_ item: WorkItem, in transaction: any Transaction) throws -> Ran? {
        let now = context.time.now()
        guard let id = ScheduleID(parsing: item.key), var schedule = try store.locked(id, in: transaction),
            let first = schedule.nextAt
        else {
            // Deleted or disabled.
            try context.queue.complete(item, at: now, in: transaction)
            return nil
        }
        guard first <= now else {
            // It was put off meanwhile.
            try context.queue.reschedule(item, at: first, now: now, resetsAttempts: true, in: transaction)
            return nil
        }
        guard let timetable = schedule.timetable else { throw UnknownTimes(terms: schedule.terms) }
        let due = timetable.due(from: first, through: now, countingTo: Self.countBound)
        let isLate = now.since(due.latest) > context.settings.scheduleGrace
        let missed = isLate ? due.count : due.count - 1
        schedule.nextAt = timetable.next(after: now)
        var ran = try ask(for: schedule, dueAt: due.latest, at: now, in: transaction)
        try store.update(ran.schedule, in: transaction)
        if missed > 0 {
            ran.missed = Missed(since: first, count: missed)
            try publish(ran, at: now, in: transaction)
        }
        if let next = ran.schedule.nextAt {
            try context.queue.reschedule(item, at: next, now: now, resetsAttempts: true, in: transaction)
        } else {
            try context.queue.complete(item, at: now, in: transaction)
        }
        return ran
    }

    private func ask(
        for schedule: Schedule, dueAt: Timestamp, at now: Timestamp, in transaction: any Transaction
    ) throws -> Ran {
        var schedule = schedule
        let request = schedule.terms.request(by: schedule.id)
        guard let member = request.memberEmail ?? context.settings.memberEmail else {
            let run = ScheduleRun(
                at: dueAt, requestedAt: now, export: nil,
                error: ExportError(
                    code: "member_missing",
                    message: "No member is configured (vendor.member_email), so the schedule must name one."))
            schedule.lastRun = run
            return Ran(schedule: schedule, run: run)
        }
        let answer = try ExportOperations.answer(request, member, context, at: now, in: transaction)
        let run = ScheduleRun(at: dueAt, requestedAt: now, export: answer.export.id, error: nil)
        schedule.lastRun = run
        try recording(
            ScheduledRequest(schedule: schedule, run: run, request: request, way: answer.way), transaction)
        return Ran(schedule: schedule, run: run, way: answer.way)
    }

    private func publish(_ ran: Ran, at now: Timestamp, in transaction: any Transaction) throws {
        guard let missed = ran.missed else { return }
        let schedule = ran.schedule
        try context.events.append(
            EventDraft(
                type: "schedule.missed", resource: schedule.id.text, occurrence: missed.since.rfc3339, timestamp: now,
                attributes: ["report": schedule.terms.report],
                data: [
                    "schedule": context.scheduleResource.json(of: schedule, at: now),
                    "since": .string(missed.since.rfc3339), "missed": .integer(Int64(missed.count)),
                    "run": ScheduleResource.json(of: ran.run),
                ]),
            in: transaction)
    }

    private func tell(_ ran: Ran) {
        if ran.way == .joined { context.counters.add(.coalesced) }
        var metadata: Logger.Metadata = [
            "schedule": "\(ran.schedule.id)", "report": "\(ran.schedule.terms.report)",
            "at": "\(ran.run.at.rfc3339)", "export": "\(ran.run.export?.text ?? "")",
        ]
        if let missed = ran.missed {
            metadata["missed"] = "\(missed.count)"
            metadata["since"] = "\(missed.since.rfc3339)"
        }
        if let error = ran.run.error { metadata["error"] = "\(error.code): \(error.message)" }
        let isRight = ran.missed == nil && ran.run.error == nil
        context.logger.log(level: isRight ? .info : .warning, "a schedule has run", metadata: metadata)
    }
}
