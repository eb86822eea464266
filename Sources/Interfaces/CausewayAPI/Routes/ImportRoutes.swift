import Access
import CausewayCore
import HTTPTypes
import Hummingbird
import Imports

/// `/v1/imports`. The last part of the path is an object to send a file to, and an id to look at.
struct ImportRoutes {
    let imports: ImportDomain
    let changes: ChangeRecorder
    let time: any TimeSource

    func add(to routes: Routes) {
        routes.put("/v1/imports/{id}", nil, readsQuery: true, upload)
        routes.post("/v1/imports/{id}", nil, readsQuery: true, upload)
        routes.get("/v1/imports", .importsRead, readsQuery: true, list)
        routes.get("/v1/imports/{id}", .importsRead, readsQuery: true, show)
        routes.get("/v1/imports/{id}/errors", .importsRead, readsQuery: true, errors)
        routes.get("/v1/imports/{id}/chunks", .importsRead, readsQuery: true, chunks)
        ImportTableRoutes(imports: imports).add(to: routes)
        routes.get("/v1/imports/{id}/warnings", .importsRead, readsQuery: true, warnings)
        routes.post("/v1/imports/{id}/approve", .importsApprove, approve)
        routes.post("/v1/imports/{id}/cancel", nil, cancel)
        routes.post("/v1/imports/{id}/retry", nil, retry)
        routes.post("/v1/imports/{id}/chunks/{number}/resolve", nil, resolve)
    }

    // MARK: Uploading

    /// Everything that can be refused is refused before the body is read.
    @Sendable private func upload(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.requireCaller()
        let object = try object(context)
        try context.require(.importsWrite(object.rawValue))
        var query = QueryParameters(request)
        let wanted = try Self.wanted(object, &query, request, caller)
        try Problem.translating { try imports.operations.check(wanted) }
        let body = try UploadBody(request, maximumSize: imports.operations.maximumSize)
        return try await changes.perform(
            "import.create", request, context, bodyHash: nil,
            outcome: Self.outcome(for: request)
        ) { recording in
            try await Problem.translating {
                try await imports.operations.upload(wanted, recording: recording) { try await body.feed(to: $0) }
            }
        }
    }

    /// What a new import means for the caller who sent its file.
    static func outcome(for request: Request) -> @Sendable (Import) -> ChangeRecorder.Outcome {
        let place = Negotiation.prefersText(request) ? ReportPlace.of(request) : nil
        return { made in
            .init(
                status: made.answerStatus, body: made.json,
                plainText: place.map { ImportReport.text(of: made, at: $0) },
                location: "/v1/imports/\(made.id)", resource: made.id.text, detail: made.auditDetail)
        }
    }

    private func object(_ context: APIContext) throws -> ImportObject {
        let name = try context.parameters.require("id")
        guard let object = ImportObject(rawValue: name) else { throw Problem.noSuchObject(name) }
        return object
    }

    /// What the query asks for, all of which has been read then.
    static func wanted(
        _ object: ImportObject, _ query: inout QueryParameters, _ request: Request, _ caller: Caller
    ) throws -> ImportRequest {
        let mode = query.one("mode", oneOf: ImportMode.allCases.map(\.rawValue)).flatMap(ImportMode.init)
        let group = query.one("group")
        let sendsInvites = query.flag("send_invites")
        let approval = query.one("approval", oneOf: ["required"])
        let force = query.flag("force")
        try query.finish()
        return ImportRequest(
            object: object, mode: mode ?? .allOrNothing, group: group, sendsInvites: sendsInvites,
            needsApproval: approval != nil, isForced: force ?? false,
            filename: ContentDisposition.fileName(in: request.headers[.contentDisposition]),
            charset: UploadBody.charset(in: request.headers[.contentType]), caller: caller.id)
    }

    // MARK: Looking

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { ImportID(parsing: $0) != nil }
        let object = query.all("object", oneOf: ImportObject.allCases.map(\.rawValue))
        let state = query.all("state", oneOf: ImportState.allCases.map(\.rawValue))
        try query.finish()
        let found = try await imports.operations.list(
            page, object: object.compactMap(ImportObject.init), state: state.compactMap(ImportState.init))
        return Answer.list(found, query.cursor, \.json)
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.importID()
        var query = QueryParameters(request)
        let wait = query.wait()
        try query.finish()
        let found = try await Problem.translating {
            guard let wait else { return try await imports.operations.find(id) }
            let deadline = time.now() + wait
            return try await LongPoll.answer { [imports] in
                try await imports.operations.find(id, waitingUntil: deadline)
            } now: {
                try await imports.operations.find(id)
            }
        }
        return Negotiation.prefersText(request)
            ? Answer.text(ImportReport.text(of: found, at: ReportPlace.of(request)))
            : Answer.resource(found.json, for: request)
    }

    @Sendable private func errors(_ request: Request, _ context: APIContext) async throws -> Response {
        try await problems(request, context, warnings: false)
    }

    @Sendable private func warnings(_ request: Request, _ context: APIContext) async throws -> Response {
        try await problems(request, context, warnings: true)
    }

    private func problems(
        _ request: Request, _ context: APIContext, warnings: Bool
    ) async throws -> Response {
        let id = try context.importID()
        var query = QueryParameters(request)
        let page = query.page { Int64($0) != nil }
        try query.finish()
        return Answer.list(
            try await Problem.translating { try await imports.operations.problems(of: id, warnings: warnings, page) },
            query.cursor, \.json)
    }

    @Sendable private func chunks(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try context.importID()
        var query = QueryParameters(request)
        let page = query.page { Int64($0) != nil }
        try query.finish()
        return Answer.list(
            try await Problem.translating { try await imports.operations.chunks(of: id, page) }, query.cursor, \.json)
    }

    // MARK: Deciding

    @Sendable private func approve(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.requireCaller()
        return try await decide("import.approve", request, context) { id, recording in
            try await imports.operations.approve(id, caller: caller.id, recording: recording)
        }
    }

    @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        try await requireWrite(context)
        return try await decide("import.cancel", request, context) { id, recording in
            try await imports.operations.cancel(id, recording: recording)
        }
    }

    @Sendable private func retry(_ request: Request, _ context: APIContext) async throws -> Response {
        try await requireWrite(context)
        return try await decide("import.retry", request, context, status: .accepted) { id, recording in
            try await imports.operations.retry(id, recording: recording)
        }
    }

    @Sendable private func resolve(_ request: Request, _ context: APIContext) async throws -> Response {
        try await requireWrite(context)
        let id = try context.importID()
        let text = try context.parameters.require("number")
        guard let number = Int(text) else { throw Problem.notFound("chunk", text) }
        var body = try await RequestObject(request)
        let outcome = body.oneOf("outcome", ChunkResolution.allCases.map(\.rawValue))
        if outcome == nil { body.refuse("outcome", "required", "Say `imported` or `not_imported`.") }
        try body.finish()
        guard let resolution = outcome.flatMap(ChunkResolution.init) else { throw Problem.invalid(body.problems) }
        return try await changes.perform(
            "import.resolve", request, context, bodyHash: nil,
            outcome: { changed in
                .init(
                    status: .ok, body: changed.json, resource: changed.id.text,
                    detail: ["chunk": .integer(Int64(number)), "outcome": .string(resolution.rawValue)])
            }
        ) { recording in
            try await Problem.translating {
                try await imports.operations.resolve(id, chunk: number, as: resolution, recording: recording)
            }
        }
    }

    private func decide(
        _ action: String, _ request: Request, _ context: APIContext, status: HTTPResponse.Status = .ok,
        _ operation: (ImportID, @escaping ImportOperations.Recording) async throws -> Import
    ) async throws -> Response {
        let id = try context.importID()
        var body = try await RequestObject(request)
        try body.finish()
        return try await changes.perform(
            action, request, context, bodyHash: nil,
            outcome: { changed in
                .init(
                    status: status, body: changed.json, resource: changed.id.text,
                    detail: ["state": .string(changed.state.rawValue)])
            }
        ) { recording in try await Problem.translating { try await operation(id, recording) } }
    }

    /// The right to import this import's object.
    private func requireWrite(_ context: APIContext) async throws {
        guard !(try context.requireCaller().may(.importsWrite)) else { return }
        let id = try context.importID()
        let found = try await Problem.translating { try await imports.operations.find(id) }
        try context.require(.importsWrite(found.object.rawValue))
    }
}

extension Import {
    fileprivate var answerStatus: HTTPResponse.Status {
        switch state {
        case .rejected: .unprocessableContent
        case .validated: .ok
        default: .accepted
        }
    }

    fileprivate var auditDetail: JSONValue {
        [
            "object": .string(object.rawValue), "mode": .string(mode.rawValue), "state": .string(state.rawValue),
            "sha256": .string(file.sha256), "size": .integer(file.size), "rows": .integer(Int64(rows.total)),
            "group": .optional(group), "force": .bool(isForced), "amounts": .array(amounts.map(\.json)),
        ]
    }
}

extension Problem {
    static func noSuchObject(_ name: String) -> Problem {
        let names = ImportObject.allCases.map(\.rawValue)
        let near = NearestName.of(name, among: names).map { "; did you mean `\($0)`?" } ?? "."
        return Problem(
            .notFound, code: "unknown_object",
            detail: "There is no object `\(name.prefix(100))`\(near) There are: \(names.joined(separator: ", ")).")
    }

    init(_ error: ImportOperationError) {
        switch error {
        case .invalid(let mistakes):
            self = .invalid(mistakes.map { FieldProblem(field: $0.field, code: $0.code, detail: $0.detail) })
        case .notFound, .noSuchChunk: self.init(.notFound, code: error.code, detail: error.detail)
        case .tooLarge, .tooManyRows: self.init(.contentTooLarge, code: error.code, detail: error.detail)
        case .unsupportedCharset: self.init(.unsupportedMediaType, code: error.code, detail: error.detail)
        case .uploadBroken: self.init(.badRequest, code: error.code, detail: error.detail)
        case .diskFull:
            self.init(
                .init(code: 507, reasonPhrase: "Insufficient Storage"), code: error.code, detail: error.detail)
        case .rowsUnreadable: self.init(.serviceUnavailable, code: error.code, detail: error.detail)
        case .duplicate, .rowsForwarded, .notUnknown, .unresolved, .notPossible, .approvalExpired:
            self.init(.conflict, code: error.code, detail: error.detail)
        case .ownApproval: self.init(.forbidden, code: error.code, detail: error.detail)
        case .nothingRejected: self.init(.notFound, code: error.code, detail: error.detail)
        case .wholeFileRefused: self.init(.conflict, code: error.code, detail: error.detail)
        case .rejectedRowsGone: self.init(.gone, code: error.code, detail: error.detail)
        case .fileRemoved: self.init(.conflict, code: error.code, detail: error.detail)
        }
    }

    static func translating<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch let error as ImportOperationError {
            throw Problem(error)
        }
    }

    static func translating<Result>(_ body: () throws -> Result) throws -> Result {
        do {
            return try body()
        } catch let error as ImportOperationError {
            throw Problem(error)
        }
    }
}

extension APIContext {
    func importID() throws -> ImportID {
        let text = try parameters.require("id")
        guard let id = ImportID(parsing: text) else { throw Problem.notFound("import", text) }
        return id
    }
}
