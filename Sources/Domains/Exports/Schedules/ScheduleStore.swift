import CausewayCore
import Storage

/// The table of schedules.
struct ScheduleStore: Sendable {
    func schedule(_ id: ScheduleID, in transaction: any Transaction) throws -> Schedule? {
        try transaction.first("SELECT * FROM export_schedule WHERE id = \(id)")
    }

    /// Nobody else changes or runs it until the transaction ends.
    func locked(_ id: ScheduleID, in transaction: any Transaction) throws -> Schedule? {
        try transaction.first(
            "SELECT * FROM export_schedule WHERE id = \(id) \(query: transaction.dialect.forUpdate)")
    }

    /// Newest first; each filter is any of its values, none where empty.
    func list(
        _ page: PageRequest, report: [String], enabled: [Bool], in transaction: any Transaction
    ) throws -> Page<Schedule> {
        var conditions: [SQLQuery] = []
        if !report.isEmpty { conditions.append("report IN \(list: report)") }
        if !enabled.isEmpty { conditions.append("enabled IN \(list: enabled)") }
        if let after = page.after { conditions.append("id < \(after)") }
        let found: [Schedule] = try transaction.all(
            "SELECT * FROM export_schedule WHERE \(query: .all(conditions)) ORDER BY id DESC LIMIT \(page.limit + 1)")
        return Page(fetched: found, limit: page.limit, key: \.id.text)
    }

    func insert(_ schedule: Schedule, in transaction: any Transaction) throws {
        let terms = schedule.terms
        try transaction.execute(
            """
            INSERT INTO export_schedule (
                id, report, member_email, show_unexpanded, cron, time_zone, metadata, enabled, description, created_at,
                next_at, last_at, last_requested_at, last_export, last_error)
            VALUES (
                \(schedule.id), \(terms.report), \(terms.memberEmail), \(terms.showUnexpanded), \(terms.cron),
                \(terms.timeZone), \(terms.metadata), \(terms.enabled), \(terms.description), \(schedule.createdAt),
                \(schedule.nextAt), NULL, NULL, NULL, NULL)
            """)
    }

    /// All that can change.
    func update(_ schedule: Schedule, in transaction: any Transaction) throws {
        let terms = schedule.terms
        try transaction.execute(
            """
            UPDATE export_schedule
            SET report = \(terms.report), member_email = \(terms.memberEmail),
                show_unexpanded = \(terms.showUnexpanded), cron = \(terms.cron), time_zone = \(terms.timeZone),
                metadata = \(terms.metadata), enabled = \(terms.enabled), description = \(terms.description),
                next_at = \(schedule.nextAt), last_at = \(schedule.lastRun?.at),
                last_requested_at = \(schedule.lastRun?.requestedAt), last_export = \(schedule.lastRun?.export),
                last_error = \(schedule.lastRun?.error.map { JSONText.encode($0) })
            WHERE id = \(schedule.id)
            """)
    }

    func delete(_ id: ScheduleID, in transaction: any Transaction) throws {
        try transaction.execute("DELETE FROM export_schedule WHERE id = \(id)")
    }
}
