import Access
import CausewayCore
import Compression
import HTTPTypes
import Hummingbird
import Imports
import NIOCore
import NIOHTTPTypes

/// `/v1/uploads`: a file in several requests, each of which may break off, by draft-ietf-httpbis-resumable-upload in its
/// interop version 8.
struct UploadRoutes {
    let imports: ImportDomain
    let changes: ChangeRecorder

    func add(to routes: Routes) {
        routes.on(.options, "/v1/uploads", nil, readsQuery: true, options)
        routes.post("/v1/uploads", nil, readsQuery: true, create)
        routes.on(.head, "/v1/uploads/{id}", nil, readsQuery: false, show)
        routes.patch("/v1/uploads/{id}", nil, append)
        routes.delete("/v1/uploads/{id}", nil, cancel)
    }

    private var uploads: ResumableUploads { imports.uploads }

    @Sendable private func options(_ request: Request, _ context: APIContext) async throws -> Response {
        Response(
            status: .noContent,
            headers: [
                .allow: "OPTIONS, POST", .acceptPatch: UploadBody.partType,
                .uploadLimit: "max-size=\(uploads.maximumSize)",
            ])
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.requireCaller()
        var query = QueryParameters(request)
        let name = query.one("object", oneOf: ImportObject.allCases.map(\.rawValue))
        if name == nil { query.refuse("object", "required", "Say what the file holds: `?object=customers`.") }
        let wanted = try ImportRoutes.wanted(name.flatMap(ImportObject.init) ?? .customers, &query, request, caller)
        try context.require(.importsWrite(wanted.object.rawValue))
        let fields = try UploadFields(request)
        let body = try UploadBody(request, maximumSize: uploads.maximumSize, isPart: true)
        _ = try (UploadBody.coding(of: request), DigestFields(.reprDigest, in: request.headers))
        let headers = [HTTPField.Name.contentType, .contentEncoding, .reprDigest].reduce(into: [:]) { kept, name in
            kept[name.canonicalName] = request.headers[name]
        }
        _ = try fields.wholeLength(at: 0, request)
        var made: ResumableUpload?
        let response = try await changes.perform(
            "upload.create", request, context, bodyHash: nil,
            outcome: { (new: ResumableUpload) in
                .init(
                    status: .created, location: "/v1/uploads/\(new.id)", resource: new.id.text,
                    detail: ["object": .string(new.request.object.rawValue)])
            }
        ) { recording in
            let new = try await Self.translating {
                try await uploads.create(
                    wanted, headers: headers, length: fields.length, recording: recording)
            }
            made = new
            return new
        }
        guard let made else { return response }
        let location = "/v1/uploads/\(made.id)"
        await interim(
            [.location: location, .uploadLimit: limit(of: made)], for: request, context)
        if body.isEmpty, fields.isComplete != true {
            var response = response
            response.headers.append(contentsOf: state(of: made))
            return response
        }
        return try await take(made.id, at: 0, body, fields, request, context) { upload in
            var headers = state(of: upload)
            headers[.location] = location
            return Response(status: .created, headers: headers)
        }
    }

    @Sendable private func show(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try uploadID(context)
        let caller = try context.requireCaller()
        let upload = try await Self.translating { try await uploads.find(id, caller: caller.id) }
        try context.require(.importsWrite(upload.request.object.rawValue))
        return Response(status: .noContent, headers: state(of: upload))
    }

    @Sendable private func append(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try uploadID(context)
        let fields = try UploadFields(request)
        guard let offset = fields.offset, fields.isComplete != nil else {
            throw Problem(
                .badRequest, code: "invalid_request",
                detail: """
                    Say where the bytes belong (`Upload-Offset: 0`, as HEAD shows it) and whether they are the last \
                    (`Upload-Complete: ?1`, otherwise `?0`).
                    """)
        }
        let body = try UploadBody(request, maximumSize: uploads.maximumSize, isPart: true)
        return try await take(id, at: offset, body, fields, request, context) { upload in
            Response(status: .noContent, headers: state(of: upload))
        }
    }

    @Sendable private func cancel(_ request: Request, _ context: APIContext) async throws -> Response {
        let id = try uploadID(context)
        let caller = try context.requireCaller()
        let upload = try await Self.translating { try await uploads.find(id, caller: caller.id) }
        try context.require(.importsWrite(upload.request.object.rawValue))
        return try await changes.perform(
            "upload.cancel", request, context, bodyHash: nil,
            outcome: { (gone: ResumableUpload) in .init(status: .noContent, resource: gone.id.text) }
        ) { recording in
            try await Self.translating { try await uploads.cancel(id, caller: caller.id, recording: recording) }
        }
    }

    // MARK: Taking bytes

    /// Adds a request's body to the upload; with the last one it becomes an import, which is the answer then.
    private func take(
        _ id: UploadID, at offset: Int64, _ body: UploadBody, _ fields: UploadFields, _ request: Request,
        _ context: APIContext, goingOn: (ResumableUpload) -> Response
    ) async throws -> Response {
        let caller = try context.requireCaller()
        let completes = fields.isComplete == true
        let length = try fields.wholeLength(at: offset, request)
        let held = try await Self.translating { try await uploads.hold(id, caller: caller.id) }
        defer { held.letGo() }
        try context.require(.importsWrite(held.upload.request.object.rawValue))
        // What has a hash of its own is told of when that was found right.
        let told = body.hasDigest ? nil : teller(for: request, context)
        try await Self.translating {
            try await uploads.append(
                to: held, at: offset, length: length, completes: completes, onCheckpoint: told
            ) { write in try await body.read { try await write(Array($0)) } }
        }
        guard completes else { return goingOn(held.upload) }
        do {
            var response = try await complete(held, request, context)
            response.headers[.uploadComplete] = "?1"
            return response
        } catch {
            // Says that the bytes are all here: it is what they hold that is refused.
            guard var problem = Self.problem(error) else { throw error }
            problem.headers[.uploadComplete] = "?1"
            throw problem
        }
    }

    private func complete(_ held: HeldUpload, _ request: Request, _ context: APIContext) async throws -> Response {
        let headers = held.upload.headers
        let coding = headers[HTTPField.Name.contentEncoding.canonicalName].flatMap { ContentCoding(name: $0) }
        var digestFields: HTTPFields = [:]
        digestFields[.reprDigest] = headers[HTTPField.Name.reprDigest.canonicalName]
        let expected = try DigestFields(.reprDigest, in: digestFields)
        let limit = uploads.maximumSize
        return try await changes.perform(
            "import.create", request, context, bodyHash: nil,
            outcome: ImportRoutes.outcome(for: request)
        ) { recording in
            try await uploads.complete(
                held, isPacked: coding != nil, recording: recording, refusal: { Self.problem($0)?.refusal }
            ) { read, sink in
                var digests = expected
                var pipeline = UploadPipeline(coding: coding, boundary: nil, limit: limit, maximumSize: limit)
                try await read { bytes in
                    digests.take(bytes)
                    try await pipeline.take(bytes, sink)
                }
                try digests.finish()
                try await pipeline.finish(sink)
            }
        }
    }

    // MARK: Words

    private func uploadID(_ context: APIContext) throws -> UploadID {
        let text = try context.parameters.require("id")
        guard let id = UploadID(parsing: text) else { throw Problem(ResumableUploadError.notFound) }
        return id
    }

    private func state(of upload: ResumableUpload) -> HTTPFields {
        var headers: HTTPFields = [
            .uploadOffset: String(upload.received), .uploadComplete: upload.isComplete ? "?1" : "?0",
            .uploadLimit: limit(of: upload), .cacheControl: "no-store",
        ]
        headers[.uploadLength] = upload.length.map { String($0) }
        return headers
    }

    private func limit(of upload: ResumableUpload) -> String {
        "max-size=\(uploads.maximumSize), max-age=\(uploads.remainingTime(of: upload).components.seconds)"
    }

    /// Tells how far it is, while it goes on, a caller who speaks this version of the draft.
    private func interim(_ headers: HTTPFields, for request: Request, _ context: APIContext) async {
        guard request.headers[.uploadDraftInteropVersion] == "8" else { return }
        var headers = headers
        headers[.uploadDraftInteropVersion] = "8"
        let status = HTTPResponse.Status(code: 104, reasonPhrase: "Upload Resumption Supported")
        try? await context.channel.writeAndFlush(
            HTTPResponsePart.head(HTTPResponse(status: status, headerFields: headers)))
    }

    private func teller(for request: Request, _ context: APIContext) -> @Sendable (Int64) async -> Void {
        { await interim([.uploadOffset: String($0)], for: request, context) }
    }

    private static func problem(_ error: any Error) -> Problem? {
        switch error {
        case let error as Problem: error
        case let error as ImportOperationError: Problem(error)
        case let error as ResumableUploadError: Problem(error)
        default: nil
        }
    }

    private static func translating<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch {
            throw problem(error) ?? error
        }
    }
}
