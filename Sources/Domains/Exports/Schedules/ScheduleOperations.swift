public import CausewayCore
public import Storage
import WorkQueue

/// Why an operation on schedules was refused.
public enum ScheduleError: Error, Hashable, Sendable {
    case invalid([ExportMistake])
    /// No schedule has this id.
    case notFound
}

/// What callers do with schedules. Each change is one transaction, in which `recording` writes down what the caller
/// must leave behind; where it throws, nothing has happened. Methods throw `ScheduleError`, and `StorageError` where the
/// store fails.
public struct ScheduleOperations: Sendable {
    public typealias Recording = @Sendable (Schedule, any Transaction) throws -> Void

    private let context: ExportContext
    private let store = ScheduleStore()

    init(_ context: ExportContext) { self.context = context }

    /// Everything that would be refused about a change, so that it can be told with what else is wrong.
    /// - Parameter isNew: whether it is to make a schedule.
    public func mistakes(in change: ScheduleChange, isNew: Bool) -> [ExportMistake] {
        change.mistakes(isNew: isNew, defaultMember: context.settings.memberEmail)
    }

    /// As callers see it.
    public func resource(of schedule: Schedule) -> JSONValue {
        context.scheduleResource.json(of: schedule, at: context.time.now())
    }

    // MARK: Changing

    /// It runs from its next time on.
    public func create(_ change: ScheduleChange, recording: @escaping Recording) async throws -> Schedule {
        try check(change, isNew: true)
        return try await context.engine.write { [self] transaction in
            let now = context.time.now()
            var schedule = Schedule(
                id: ScheduleID(at: now), terms: change.applied(to: ScheduleTerms()), createdAt: now)
            schedule.startOver(at: now)
            try store.insert(schedule, in: transaction)
            try enqueue(schedule, at: now, in: transaction)
            try recording(schedule, transaction)
            return schedule
        }
    }

    /// Other times, and being enabled again, count from now on: a run that is overdue then is dropped.
    public func update(
        _ id: ScheduleID, _ change: ScheduleChange, recording: @escaping Recording
    ) async throws -> Schedule {
        try check(change, isNew: false)
        return try await context.engine.write { [self] transaction in
            let now = context.time.now()
            guard var schedule = try store.locked(id, in: transaction) else { throw ScheduleError.notFound }
            let before = schedule.terms
            schedule.terms = change.applied(to: before)
            let after = schedule.terms
            if (after.cron, after.timeZone) != (before.cron, before.timeZone) || after.enabled != before.enabled {
                schedule.startOver(at: now)
                try enqueue(schedule, at: now, in: transaction)
            }
            try store.update(schedule, in: transaction)
            try recording(schedule, transaction)
            return schedule
        }
    }

    /// Ends it; exports that it has asked for go on.
    public func delete(_ id: ScheduleID, recording: @escaping Recording) async throws {
        try await context.engine.write { [self] transaction in
            guard let schedule = try store.locked(id, in: transaction) else { throw ScheduleError.notFound }
            try store.delete(id, in: transaction)
            try context.queue.withdraw(kind: ScheduleWork.kind, key: id.text, in: transaction)
            try recording(schedule, transaction)
        }
    }

    // MARK: Looking

    public func schedule(_ id: ScheduleID) async throws -> Schedule {
        guard let schedule = try await context.engine.read({ [store] in try store.schedule(id, in: $0) }) else {
            throw ScheduleError.notFound
        }
        return schedule
    }

    /// Newest first. Each filter is any of its values, none where empty.
    public func list(_ page: PageRequest, report: [String] = [], enabled: [Bool] = []) async throws -> Page<Schedule> {
        try await context.engine.read { [store] in
            try store.list(page, report: report, enabled: enabled, in: $0)
        }
    }

    private func check(_ change: ScheduleChange, isNew: Bool) throws(ScheduleError) {
        let mistakes = mistakes(in: change, isNew: isNew)
        guard mistakes.isEmpty else { throw .invalid(mistakes) }
    }

    /// Work that is there already is woken where it must be earlier; where later, it finds out by itself.
    private func enqueue(_ schedule: Schedule, at now: Timestamp, in transaction: any Transaction) throws {
        if let next = schedule.nextAt {
            try context.queue.enqueue(ScheduleWork.draft(schedule.id, dueAt: next), at: now, in: transaction)
        } else {
            try context.queue.withdraw(kind: ScheduleWork.kind, key: schedule.id.text, in: transaction)
        }
    }
}
