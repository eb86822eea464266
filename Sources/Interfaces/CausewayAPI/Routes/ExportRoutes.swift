import Access
import CausewayCore
import Exports
import Foundation
import HTTPTypes
import Hummingbird
import Vendor

/// `/v1/exports`
struct ExportRoutes {
    let exports: ExportDomain
    let changes: ChangeRecorder
    let time: any TimeSource

    func add(to routes: Routes) {
        routes.post("/v1/exports", .exportsWrite, create)
        routes.get("/v1/exports", .exportsRead, readsQuery: true, list)
        routes.get("/v1/exports/{id}", .exportsRead, readsQuery: true, show)
        routes.post("/v1/exports/{id}/cancel", .exportsWrite, cancel)
        routes.get("/v1/exports/{id}/files/{name}", .exportsRead, file)
        routes.get("/v1/exports/{id}/data", .exportsRead, readsQuery: true, data)
        routes.get("/v1/reports", .reportsRead, reports)
        routes.get("/v1/reports/{key}", .reportsRead, report)
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.requireCaller()
        var body = try await RequestObject(request)
        let report = body.requiredString("report", maximum: 200)
        let member = body.string("member_email")
        let showUnexpanded = body.bool("show_unexpanded") ?? false
        let maxAge = body.integer("max_age", in: 0...31_536_000) ?? 0
        let whenLimited = body.oneOf("when_limited", WhenLimited.allCases.map(\.rawValue)) ?? "defer"
        let metadata = body.value("metadata") ?? [:]
        try body.finish()
        guard let report, let whenLimited = WhenLimited(rawValue: whenLimited) else {
            throw Problem.invalid(body.problems)
        }
        let wanted = ExportRequest(
            report: report, memberEmail: member, showUnexpanded: showUnexpanded, maxAge: .seconds(maxAge),
            whenLimited: whenLimited, metadata: metadata, caller: caller.id)
        return try await changes.perform(
            "export.request", request, context, bodyHash: body.hash,
            outcome: { (answer: RequestedExport) in
                .init(
                    status: answer.way == .found ? .ok : .accepted, body: answer.resource,
                    location: "/v1/exports/\(answer.export.id)", resource: answer.export.id.text,
                    detail: ["way": .string(answer.way.rawValue), "metadata": metadata], isChange: answer.way != .found)
            }
        ) { recording in
            try await translating { try await exports.operations.request(wanted, recording: recording) }
        }
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { ExportID(parsing: $0) != nil }
        let status = query.all("status", oneOf: ExportStatus.allCases.map(\.rawValue))
        let report = query.all("report")
        let source = query.all("source", oneOf: ["api", "in_app", "scheduled"])
        try query.finish()
        let exports = try await exports.operations.list(
            page, status: status.compactMap(ExportStatus.init), report: report, source: source)
        return Answer.list(exports, query.cursor, self.exports.operations.resource)
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.parameters.require("id")
        var query = QueryParameters(request)
        let wait = query.wait()
        try query.finish()
        guard let wait else {
            return Answer.resource(try await translating { try await exports.operations.shown(id) }, for: request)
        }
        let deadline = time.now() + wait
        let export = try await translating {
            try await LongPoll.answer { [exports] in
                try await exports.operations.export(id, waitingUntil: deadline)
            } now: {
                try await exports.operations.export(id)
            }
        }
        return Answer.resource(exports.operations.resource(of: export), for: request)
    }

    @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.requireCaller()
        let id = try context.parameters.require("id")
        var body = try await RequestObject(request)
        try body.finish()
        return try await changes.perform(
            "export.cancel", request, context, bodyHash: body.hash,
            outcome: { [exports] (export: Export) in
                .init(
                    status: .ok, body: exports.operations.resource(of: export), resource: export.id.text,
                    detail: ["status": .string(export.status.rawValue)])
            }
        ) { recording in
            try await translating {
                try await exports.operations.cancel(id, caller: caller.id, recording: recording)
            }
        }
    }

    /// From the mirror, or passed through from the vendor as it is read.
    @Sendable private func file(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.parameters.require("id")
        let name = try context.parameters.require("name").removingPercentEncoding ?? ""
        return try FileAnswer.response(try await translating { try await exports.files.open(id, name) }, for: request)
    }

    /// All parts as one.
    @Sendable private func data(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.parameters.require("id")
        var query = QueryParameters(request)
        let columns = query.one("columns")
        try query.finish()
        let format = try DataAnswer.format(request)
        let data = try await translating { try await exports.files.data(id, format: format, columns: columns) }
        return DataAnswer.response(data, format, named: id, for: request)
    }

    @Sendable private func reports(_ request: Request, _ context: APIContext) async throws -> Response {
        let answer = try await translating { try await exports.reports.list() }
        return aged(
            Answer.json(["data": .array(answer.value), "next_cursor": .null]), fetchedAt: answer.fetchedAt)
    }

    @Sendable private func report(_ request: Request, _ context: APIContext) async throws -> Response {
        let key = try context.parameters.require("key")
        let answer = try await translating { try await exports.reports.report(key) }
        return aged(Answer.resource(answer.value, for: request), fetchedAt: answer.fetchedAt)
    }

    /// RFC 9111: how old the vendor's answer is, in seconds.
    private func aged(_ response: Response, fetchedAt: Timestamp) -> Response {
        var response = response
        response.headers[.age] = String(max(0, time.now().since(fetchedAt).wholeMilliseconds / 1000))
        return response
    }

    private func translating<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ExportOperationError {
            throw Problem(error)
        } catch let error as ExportDataError {
            throw Problem(error)
        }
    }
}

extension Problem {
    init(_ error: ExportOperationError) {
        switch error {
        case .invalid(let mistakes):
            self = .invalid(mistakes.map { FieldProblem(field: $0.field, code: $0.code, detail: $0.detail) })
        case .notFound, .noSuchFile:
            self.init(.notFound, code: error.code, detail: error.detail)
        case .limited(let until, let now):
            self.init(.tooManyRequests, code: error.code, detail: error.detail)
            headers[.retryAfter] = String(max(1, (until.since(now).wholeMilliseconds + 999) / 1000))
        case .atVendor, .ended, .notAsked, .notReady:
            self.init(.conflict, code: error.code, detail: error.detail)
        case .gone:
            self.init(.gone, code: error.code, detail: error.detail)
        case .vendor(let cause):
            self.init(
                cause.cause == .notFound ? .notFound : .badGateway, code: error.code, detail: error.detail)
        }
    }
}

extension Problem {
    init(_ error: ExportDataError) {
        guard error.isAboutColumns else {
            self.init(.conflict, code: error.code, detail: error.detail)
            return
        }
        self = .invalid([FieldProblem(field: "columns", code: error.code, detail: error.detail)])
    }
}
