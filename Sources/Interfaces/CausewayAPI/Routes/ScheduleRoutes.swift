import Access
import CausewayCore
import Exports
import HTTPTypes
import Hummingbird

/// `/v1/schedules`
struct ScheduleRoutes {
    let schedules: ScheduleOperations
    let changes: ChangeRecorder

    func add(to routes: Routes) {
        routes.post("/v1/schedules", .exportsWrite, create)
        routes.get("/v1/schedules", .exportsRead, readsQuery: true, list)
        routes.get("/v1/schedules/{id}", .exportsRead, show)
        routes.patch("/v1/schedules/{id}", .exportsWrite, update)
        routes.delete("/v1/schedules/{id}", .exportsWrite, delete)
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        var body = try await RequestObject(request)
        let change = try change(from: &body, isNew: true)
        return try await changes.perform(
            "schedule.create", request, context, bodyHash: body.hash,
            outcome: { [schedules] (schedule: Schedule) in
                .init(
                    status: .created, body: schedules.resource(of: schedule),
                    location: "/v1/schedules/\(schedule.id)", resource: schedule.id.text,
                    detail: [
                        "report": .string(schedule.terms.report), "cron": .string(schedule.terms.cron),
                        "time_zone": .string(schedule.terms.timeZone),
                    ])
            }
        ) { recording in
            try await translating { try await schedules.create(change, recording: recording) }
        }
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { ScheduleID(parsing: $0) != nil }
        let report = query.all("report")
        let enabled = query.all("enabled", oneOf: ["true", "false"])
        try query.finish()
        let found = try await schedules.list(page, report: report, enabled: enabled.map { $0 == "true" })
        return Answer.list(found, query.cursor, schedules.resource)
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try scheduleID(context)
        let schedule = try await translating { try await schedules.schedule(id) }
        return Answer.resource(schedules.resource(of: schedule), for: request)
    }

    @Sendable private func update(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try scheduleID(context)
        var body = try await RequestObject(request)
        let change = try change(from: &body, isNew: false)
        let members = body.members.keys.sorted()
        return try await changes.perform(
            "schedule.update", request, context, bodyHash: nil,
            outcome: { [schedules] (schedule: Schedule) in
                .init(
                    status: .ok, body: schedules.resource(of: schedule), resource: schedule.id.text,
                    detail: ["members": .array(members.map(JSONValue.string))])
            }
        ) { recording in
            try await translating { try await schedules.update(id, change, recording: recording) }
        }
    }

    @Sendable private func delete(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try scheduleID(context)
        return try await changes.perform(
            "schedule.delete", request, context, bodyHash: nil,
            outcome: { (id: ScheduleID) in .init(status: .noContent, resource: id.text) }
        ) { recording in
            try await translating {
                try await schedules.delete(id) { try recording($0.id, $1) }
                return id
            }
        }
    }

    /// Throws all that is wrong, in form and in meaning.
    private func change(from body: inout RequestObject, isNew: Bool) throws -> ScheduleChange {
        let change = ScheduleChange(reading: &body, isNew: isNew)
        let known = Set(body.problems.map(\.field))
        for mistake in schedules.mistakes(in: change, isNew: isNew) where !known.contains(mistake.field) {
            body.refuse(mistake.field, mistake.code, mistake.detail)
        }
        try body.finish()
        return change
    }

    private func scheduleID(_ context: APIContext) throws -> ScheduleID {
        let text = try context.parameters.require("id")
        guard let id = ScheduleID(parsing: text) else { throw Problem.notFound("schedule", text) }
        return id
    }

    private func translating<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ScheduleError {
            switch error {
            case .invalid(let mistakes):
                throw Problem.invalid(
                    mistakes.map { FieldProblem(field: $0.field, code: $0.code, detail: $0.detail) })
            case .notFound:
                throw Problem(.notFound, code: "not_found", detail: "There is no schedule with this id.")
            }
        }
    }
}

extension ScheduleChange {
    /// What is wrong in form is left in `body`. Null puts a default back; what has none is needed.
    init(reading body: inout RequestObject, isNew: Bool) {
        self.init()
        let given = Set(body.members.keys)
        func isNeeded(_ name: String) -> Bool { isNew || given.contains(name) }
        report = isNeeded("report") ? body.requiredString("report", maximum: 200) : nil
        cron = isNeeded("cron") ? body.requiredString("cron", maximum: CronLine.maximumLength) : nil
        let member = body.string("member_email")
        if given.contains("member_email") { memberEmail = .some(member) }
        let description = body.string("description", maximum: 1000)
        if given.contains("description") { self.description = .some(description) }
        let zone = body.string("time_zone")
        if given.contains("time_zone") { timeZone = zone ?? ScheduleTerms.defaultTimeZone }
        let unexpanded = body.bool("show_unexpanded")
        if given.contains("show_unexpanded") { showUnexpanded = unexpanded ?? false }
        let enabled = body.bool("enabled")
        if given.contains("enabled") { self.enabled = enabled ?? true }
        let metadata = body.value("metadata")
        if given.contains("metadata") { self.metadata = metadata ?? [:] }
        // Known, whether it is given or not.
        body.expect(["report", "cron"])
    }
}
