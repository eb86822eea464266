import CausewayCore

/// A schedule as callers and subscribers see it.
struct ScheduleResource: Sendable {
    /// How long the vendor makes no second export of a report.
    let vendorWindow: Duration

    private static let shownRuns = 5

    func json(of schedule: Schedule, at now: Timestamp) -> JSONValue {
        let terms = schedule.terms
        return [
            "id": .string(schedule.id.text), "report": .string(terms.report),
            "member_email": .optional(terms.memberEmail), "show_unexpanded": .bool(terms.showUnexpanded),
            "cron": .string(terms.cron), "time_zone": .string(terms.timeZone), "metadata": terms.metadata,
            "enabled": .bool(terms.enabled), "description": .optional(terms.description),
            "next_runs": .array(nextRuns(of: schedule, at: now).map { .string($0.rfc3339) }),
            "last_run": schedule.lastRun.map(Self.json) ?? .null, "warnings": .array(warnings(of: schedule)),
            "created_at": .string(schedule.createdAt.rfc3339),
        ]
    }

    private func nextRuns(of schedule: Schedule, at now: Timestamp) -> [Timestamp] {
        guard let next = schedule.nextAt else { return [] }
        return [next] + (schedule.timetable?.next(Self.shownRuns - 1, after: max(next, now)) ?? [])
    }

    private func warnings(of schedule: Schedule) -> [JSONValue] {
        guard let interval = schedule.timetable?.line.shortestInterval, interval < vendorWindow else { return [] }
        return [
            [
                "code": "more_often_than_window",
                "detail": .string(
                    """
                    Runs are as little as \(DurationText.format(interval)) apart. The vendor makes an export of a report \
                    for a member every \(DurationText.format(vendorWindow)) only: a run between waits for the next one, \
                    together with the others.
                    """),
            ]
        ]
    }

    static func json(of run: ScheduleRun) -> JSONValue {
        [
            "at": .string(run.at.rfc3339), "requested_at": .string(run.requestedAt.rfc3339),
            "export": .optional(run.export?.text),
            "error": run.error.map { ["code": .string($0.code), "message": .string($0.message)] } ?? .null,
        ]
    }
}
