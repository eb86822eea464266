import Access
import CausewayCore
import HTTPTypes
import Hummingbird

/// `/v1/keys`, `/v1/whoami`
struct KeyRoutes {
    let keys: KeyOperations
    let changes: ChangeRecorder

    func add(to routes: Routes) {
        routes.post("/v1/keys", .admin, create)
        routes.get("/v1/keys", .admin, readsQuery: true, list)
        routes.delete("/v1/keys/{id}", .admin, revoke)
        routes.get("/v1/whoami", nil, whoami)
    }

    @Sendable private func create(_ request: Request, _ context: APIContext) async throws -> Response {
        var body = try await RequestObject(request)
        let name = body.requiredString("name", maximum: 100)
        let names = body.strings("scopes") ?? []
        if body.members["scopes"] == nil { body.refuse("scopes", "required", "Name at least one scope.") }
        let expiresAt = body.time("expires_at")
        var scopes: [Scope] = []
        for name in names {
            if let scope = Scope(name) {
                scopes.append(scope)
            } else {
                let near = NearestName.of(name, among: Scope.all.map(\.name)).map { "; did you mean `\($0)`?" } ?? "."
                body.refuse("scopes", "unknown_scope", "There is no scope `\(name.prefix(100))`\(near)")
            }
        }
        if body.members["scopes"] != nil, names.isEmpty {
            body.refuse("scopes", "required", "Name at least one scope.")
        }
        try body.finish()
        guard let name else { return Response(status: .unprocessableContent) }
        // The answer holds the key's text, so it is never kept for an Idempotency-Key.
        return try await changes.perform(
            "key.create", request, context, bodyHash: nil,
            outcome: { (issued: IssuedKey) in
                var json = issued.key.json.object ?? [:]
                json["key"] = .string(issued.text.reveal())
                return .init(
                    status: .created, body: .object(json), resource: issued.key.id.text,
                    detail: ["scopes": .array(issued.key.scopes.map { .string($0.name) })])
            }
        ) { recording in
            try await keys.create(name: name, scopes: scopes, expiresAt: expiresAt, recording: recording)
        }
    }

    @Sendable private func list(_ request: Request, _ context: APIContext) async throws -> Response {
        var query = QueryParameters(request)
        let page = query.page { APIKeyID(parsing: $0) != nil }
        try query.finish()
        return Answer.list(try await keys.list(page), query.cursor, \.json)
    }

    @Sendable private func revoke(_ request: Request, _ context: APIContext) async throws -> Response {
        let text = try context.parameters.require("id")
        guard let id = APIKeyID(parsing: text) else { throw Problem.notFound("key", text) }
        return try await changes.perform(
            "key.revoke", request, context, bodyHash: nil,
            outcome: { (key: APIKey) in .init(status: .noContent, resource: key.id.text) }
        ) { recording in
            guard let key = try await keys.revoke(id, recording: recording) else {
                throw Problem.notFound("key", text)
            }
            return key
        }
    }

    @Sendable private func whoami(_ request: Request, _ context: APIContext) async throws -> Response {
        let caller = try context.requireCaller()
        return Answer.json([
            "id": .string(caller.id), "name": .string(caller.name),
            "scopes": .array(caller.scopes.map { .string($0.name) }),
        ])
    }
}
