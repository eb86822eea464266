import Access
import CausewayCore
import Events
import Exports
import Fanout
import Foundation
import HTTPTypes
import Imports
import Storage
import Support
import Testing

@testable import CausewayAPI

@Suite("openapi/causeway.yaml", .onEveryEngine)
struct OpenAPITests {
    /// What the file says of routes that look at scopes themselves.
    private static let ownScopes: [String: Set<String>] = [
        "GET /v1/whoami": [], "PUT /v1/imports/{}": ["imports:write"], "POST /v1/imports/{}": ["imports:write"],
        "POST /v1/imports/{}/retry": ["imports:write"], "POST /v1/imports/{}/cancel": ["imports:write"],
        "POST /v1/imports/{}/chunks/{}/resolve": ["imports:write"], "OPTIONS /v1/uploads": [],
        "POST /v1/uploads": ["imports:write"], "HEAD /v1/uploads/{}": ["imports:write"],
        "PATCH /v1/uploads/{}": ["imports:write"], "DELETE /v1/uploads/{}": ["imports:write"], "GET /v1/objects": [],
        "GET /v1/objects/{}": [],
        "GET /v1/objects/{}/template.csv": [], "GET /v1/objects/{}/schema.json": [],
    ]

    @Test("describes every route, and nothing that is not one")
    func routes() async throws {
        let served = Set(
            try await APIFixture().table.entries.map {
                OpenAPIFile.Operation.place($0.method.rawValue, $0.template)
            })
        let described = Set(try OpenAPIFile().operations.map(\.place))
        #expect(served.subtracting(described).sorted() == [], "served, but not described")
        #expect(described.subtracting(served).sorted() == [], "described, but not served")
    }

    @Test("asks for the scope that the route asks for, and says so in words")
    func scopes() async throws {
        let operations = Dictionary(
            uniqueKeysWithValues: try OpenAPIFile().operations.map { ($0.place, $0) })
        for entry in try await APIFixture().table.entries {
            let place = OpenAPIFile.Operation.place(entry.method.rawValue, entry.template)
            guard let operation = operations[place] else { continue }
            guard let wanted = entry.scope.map({ [$0.name] }) ?? Self.ownScopes[place] else {
                #expect(operation.scopes == nil, "\(place) needs no key")
                continue
            }
            #expect(operation.scopes == [wanted, wanted], "\(place), as a Bearer token and with Basic")
            for scope in wanted {
                let words = operation.members["description"]?.string ?? ""
                #expect(words.contains("Scope: `\(scope)`"), "\(place)")
            }
        }
    }

    @Test("gives every operation a name, a good answer, and its problems")
    func answers() throws {
        let file = try OpenAPIFile()
        let names = file.operations.map(\.name) + file.webhooks.map(\.name)
        #expect(Set(names).count == names.count)
        for operation in file.operations {
            #expect(operation.members["operationId"]?.string != nil, "\(operation.place)")
            #expect(operation.members["summary"]?.string != nil, "\(operation.place)")
            let responses = operation.members["responses"]?.object ?? [:]
            #expect(responses.keys.contains { $0.hasPrefix("2") }, "\(operation.place)")
            for (status, reference) in responses {
                let response = try #require(file.resolved(reference), "\(operation.place) \(status)")
                #expect(
                    response["headers"]?["X-Request-Id"] != nil || status == "default", "\(operation.place) \(status)")
                guard status.hasPrefix("4") || status.hasPrefix("5") || status == "default" else { continue }
                let schema = response["content"]?["application/problem+json"]?["schema"]
                #expect(schema == ["$ref": "#/components/schemas/Problem"], "\(operation.place) \(status)")
            }
            var needed: Set = ["default"]
            if operation.scopes != nil { needed.insert("401") }
            if operation.scopes?.contains(where: { !$0.isEmpty }) == true { needed.insert("403") }
            if operation.members["requestBody"] != nil, operation.scopes != nil {
                needed.formUnion(["413", "415", "422"])
            }
            if operation.parameters.contains(where: { $0["in"] == "path" && $0["name"] != "token" }) {
                needed.insert("404")
            }
            if operation.parameters.contains(where: { $0["in"] == "query" }) { needed.insert("422") }
            #expect(needed.subtracting(responses.keys).sorted() == [], "\(operation.place)")
        }
    }

    @Test("declares each parameter of each path")
    func parameters() throws {
        for operation in try OpenAPIFile().operations {
            let named = operation.path.split(separator: "/").filter { $0.hasPrefix("{") }
                .map { String($0.dropFirst().dropLast()) }
            let declared = operation.parameters.filter { $0["in"] == "path" }.compactMap { $0["name"]?.string }
            #expect(named.sorted() == declared.sorted(), "\(operation.place)")
        }
    }

    @Test("lists the words that the code knows")
    func words() throws {
        let file = try OpenAPIFile()
        #expect(file.words("ExportStatus") == ExportStatus.allCases.map(\.rawValue))
        #expect(file.words("ExportRequest", "properties", "when_limited") == WhenLimited.allCases.map(\.rawValue))
        #expect(file.words("EventType") == EventTypes.all)
        #expect(file.words("DeliveryState") == Delivery.State.allCases.map(\.rawValue))
        #expect(file.words("AttemptError") == AttemptError.allCases.map(\.rawValue))
        #expect(file.words("Scope") == Scope.all.map(\.name))
        #expect(file.words("ImportObject") == ImportObject.allCases.map(\.rawValue))
        #expect(file.words("ImportMode") == ImportMode.allCases.map(\.rawValue))
        #expect(file.words("ImportState") == ImportState.allCases.map(\.rawValue))
        #expect(file.words("ImportChunk", "properties", "state") == ImportChunkState.allCases.map(\.rawValue))
        #expect(file.words("ChunkResolution", "properties", "outcome") == ChunkResolution.allCases.map(\.rawValue))
        #expect(file.words("RowProblemCode") == ProblemCode.allCases.map(\.rawValue))
        #expect(Set(file.webhooks.map(\.path)).isSubset(of: EventTypes.all))
    }

    @Test("is valid OpenAPI 3.1")
    func valid() throws {
        let (status, output) = try Tool(python: "openapi-spec-validator").run([OpenAPIFile.path])
        #expect(status == 0, "\(output)")
    }

    @Test("is what is served")
    func served() throws {
        #expect(try Checkout.data(OpenAPIFile.path) == Data(Asset.openAPI))
    }

    @Test("describes real answers, and its own examples")
    func realAnswers() async throws {
        var asked = try await AskedAnswers()
        try await asked.askAll()
        #expect(try SchemaCheck.mistakes(in: asked.answers) == "")
    }
}

/// Answers of the whole interface, good and bad.
private struct AskedAnswers {
    let api: APIFixture
    private(set) var answers: [SchemaCheck.Answer] = []

    init() async throws { api = try await APIFixture() }

    /// - Parameter path: of the file; `{id}` in it is replaced.
    @discardableResult
    private mutating func ask(
        _ method: HTTPRequest.Method, _ path: String, id: String = "", query: String = "",
        key: String? = APIFixture.adminKey, headers: HTTPFields = [:], _ body: String? = nil
    ) async throws -> JSONValue {
        let uri = path.split(separator: "/").map { part in
            part == "{n}" ? "1" : part.hasPrefix("{") ? id : String(part)
        }.joined(separator: "/")
        let answer = try await api.ask(method, "/" + uri + query, key: key, headers: headers, body: body)
        let type = answer.headers[.contentType]?.split(separator: ";").first.map(String.init) ?? ""
        if !type.isEmpty {
            answers.append(
                .init(
                    method: method.rawValue, path: path, status: answer.status.code, contentType: type,
                    body: answer.json))
        }
        return answer.json
    }

    mutating func askAll() async throws {
        try await askExports()
        try await askSchedules()
        try await askImports()
        try await askSubscriptions()
        try await askAccess()
        for path in ["/healthz", "/readyz"] { try await ask(.get, path, key: nil) }
        for path in ["/hooks/exports/{token}", "/hooks/events/{token}"] {
            try await ask(.post, path, id: "guess", key: nil, "{}")
        }
    }

    private mutating func askExports() async throws {
        let export = try await ask(.post, "/v1/exports", #"{"report":"vrc_1","metadata":{"team":"x"}}"#)
        let id = try #require(export["id"]?.string)
        try await ask(.post, "/v1/exports", #"{"report":"","max_age":-1,"typo":1}"#)
        try await ask(.post, "/v1/exports", "[]")
        try await ask(.post, "/v1/exports", headers: [.contentType: "text/plain"], "x")
        try await ask(.post, "/v1/exports", headers: [.idempotencyKey: "k"], #"{"report":"vrc_1"}"#)
        try await ask(.post, "/v1/exports", headers: [.idempotencyKey: "k"], #"{"report":"vrc_2"}"#)
        try await ask(.get, "/v1/exports", query: "?limit=1&status=requested&status=queued&source=api&report=vrc_1")
        try await ask(.get, "/v1/exports", query: "?status=done")
        try await ask(.get, "/v1/exports/{id}", id: id, query: "?wait=0")
        try await ask(.get, "/v1/exports/{id}", id: "exp_none")
        try await ask(.get, "/v1/exports/{id}/files/{name}", id: id)
        try await ask(.get, "/v1/exports/{id}/data", id: id, query: "?columns=a,b")
        try await ask(.get, "/v1/exports/{id}/data", id: id, query: "?columns=")
        try await ask(.get, "/v1/exports/{id}/data", id: id, headers: [.accept: "image/png"])
        try await ask(.post, "/v1/exports/{id}/cancel", id: id)
        try await ask(.get, "/v1/exports/{id}", id: id)
        // Nobody listens at the vendor's port.
        try await ask(.get, "/v1/reports")
        try await ask(.get, "/v1/reports/{key}", id: "vrc_1")
    }

    private mutating func askSchedules() async throws {
        let made = try await ask(.post, "/v1/schedules", #"{"report":"vrc_1","cron":"0 6 * * 1-5"}"#)
        let id = try #require(made["id"]?.string)
        try await ask(
            .post, "/v1/schedules",
            #"""
            {"report":"vrc_1","member_email":"a@example.com","show_unexpanded":true,"cron":"@hourly",
             "time_zone":"Europe/Berlin","metadata":{"team":"x"},"enabled":false,"description":"d"}
            """#)
        try await ask(.post, "/v1/schedules", #"{"cron":"61 * * * *"}"#)
        try await ask(.get, "/v1/schedules", query: "?report=vrc_1&enabled=true&enabled=false")
        try await ask(.get, "/v1/schedules/{id}", id: id)
        try await ask(.get, "/v1/schedules/{id}", id: "sch_none")
        try await ask(.patch, "/v1/schedules/{id}", id: id, #"{"enabled":false,"time_zone":null}"#)
        try await ask(.patch, "/v1/schedules/{id}", id: id, #"{"report":null}"#)
        try await ask(.delete, "/v1/schedules/{id}", id: id)
        try await ask(.delete, "/v1/schedules/{id}", id: id)
    }

    private mutating func askImports() async throws {
        let path = "/v1/imports/{object_or_id}"
        let csv: HTTPFields = [.contentType: "text/csv"]
        let good = try await ask(.put, path, id: "customers", headers: csv, "email\nmarlie@example.com\n")
        let id = try #require(good["id"]?.string)
        try await ask(.put, path, id: "customers", headers: csv, "email\nmarlie@example.com\n")
        let bad = try await ask(.post, path, id: "customers", headers: csv, "email\nmarlie\n")
        try await ask(.put, path, id: "customers", headers: csv, "")
        try await ask(.put, path, id: "customers", query: "?mode=dry_run", headers: csv, "email,name\nx,y\na@b.com\n")
        try await ask(.put, path, id: "customer", headers: csv, "email\n")
        try await ask(.put, path, id: "leads", query: "?mode=some", headers: csv, "email\n")
        try await ask(.put, path, id: "leads", headers: csv, "email\n")
        try await ask(.put, path, id: "deals", headers: [.contentType: "image/png"], "x")
        try await ask(.put, path, id: "deals", headers: [.contentType: "multipart/form-data"], "x")
        try await ask(.put, path, id: "deals", key: nil, headers: csv, "x")
        try await ask(.get, "/v1/imports", query: "?object=customers&state=rejected&state=forwarding")
        try await ask(.get, path, id: id, query: "?wait=0")
        try await ask(.get, path, id: "imp_none")
        try await ask(.get, "/v1/imports/{id}/errors", id: try #require(bad["id"]?.string))
        try await ask(.get, "/v1/imports/{id}/chunks", id: id)
        try await ask(.get, "/v1/imports/{id}/warnings", id: try #require(bad["id"]?.string))
        try await ask(.post, "/v1/imports/{id}/retry", id: id)
        try await ask(.post, "/v1/imports/{id}/approve", id: id)
        let resolve = "/v1/imports/{id}/chunks/{n}/resolve"
        try await ask(.post, resolve, id: id, #"{"outcome":"imported"}"#)
        try await ask(.post, resolve, id: id, #"{"outcome":"perhaps"}"#)
        try await ask(.post, "/v1/imports/{id}/cancel", id: id)
        try await ask(.post, "/v1/imports/{id}/retry", id: id)
        try await ask(.get, "/v1/objects")
        for object in ImportObject.allCases { try await ask(.get, "/v1/objects/{object}", id: object.rawValue) }
        try await ask(.get, "/v1/objects/{object}", id: "partner")
        for object in ImportObject.allCases {
            try await ask(.get, "/v1/objects/{object}/schema.json", id: object.rawValue)
        }
        try await ask(.get, "/v1/objects/{object}/schema.json", id: "deals", query: "?group=g&x=y")
        try await ask(.get, "/v1/objects/{object}/template.csv", id: "customers", query: "?group=g")
        try await ask(.get, "/v1/imports/{id}/rejected.csv", id: id)
        try await ask(.get, "/v1/imports/{id}/rejected.csv", id: id, query: "?excel=unsafe")
        try await ask(.get, "/v1/imports/{id}/errors.csv", id: "imp_none")
    }

    private mutating func askSubscriptions() async throws {
        let made = try await ask(.post, "/v1/subscriptions", #"{"url":"https://team.example.com/hook"}"#)
        let id = try #require(made["id"]?.string)
        try await ask(
            .post, "/v1/subscriptions",
            #"""
            {"url":"https://team.example.com/hook","events":["export.completed"],"description":"d",
             "filter":{"report":["vrc_1"]},"headers":{"X-Team":"finance"},"max_in_flight":3,"retry_schedule":["5s",30]}
            """#)
        try await ask(.post, "/v1/subscriptions", #"{"url":"http://10.0.0.1/","format":"vendor"}"#)
        try await ask(.get, "/v1/subscriptions")
        try await ask(.get, "/v1/subscriptions/{id}", id: id)
        try await ask(.get, "/v1/subscriptions/{id}/secret", id: id)
        let rotate = "/v1/subscriptions/{id}/rotate-secret"
        try await ask(.post, rotate, id: id, #"{"grace":60}"#)
        try await ask(.post, rotate, id: id, #"{"grace":"60"}"#)
        for _ in 0..<4 { try await ask(.post, rotate, id: id) }
        try await ask(.patch, "/v1/subscriptions/{id}", id: id, #"{"signatures":["v1","v1a"],"format":"cloudevents"}"#)
        try await ask(.patch, "/v1/subscriptions/{id}", id: id, #"{"enabled":false}"#)
        try await ask(.patch, "/v1/subscriptions/{id}", id: id, #"{"enabled":null}"#)
        try await askAgain(subscription: id)
        try await ask(.delete, "/v1/subscriptions/{id}", id: id)
        try await ask(.delete, "/v1/subscriptions/{id}", id: id)
        try await ask(.get, "/v1/deliveries", query: "?state=failed")
        try await ask(.get, "/v1/deliveries/{id}", id: "dlv_none")
    }

    private mutating func askAgain(subscription id: String) async throws {
        let draft = EventDraft(type: "export.failed", resource: "exp_1", timestamp: api.time.now(), data: [:])
        _ = try await api.database.engine.write { try EventLog().append(draft, in: $0) }
        let event = draft.id.text
        try await ask(.post, "/v1/events/{id}/replay", id: event, #"{"subscription":"\#(id)"}"#)
        try await ask(.post, "/v1/events/{id}/replay", id: event)
        try await ask(.get, "/v1/events", query: "?type=export.failed&limit=1&wait=0")
        try await ask(.get, "/v1/events", query: "?after=x")
        try await ask(.get, "/v1/events/{id}", id: event)
        let deliveries = try await ask(.get, "/v1/deliveries", query: "?subscription=\(id)")
        let delivery = try #require(deliveries["data"]?.array?.first?["id"]?.string)
        try await ask(.post, "/v1/deliveries/{id}/retry", id: delivery)
        try await ask(.get, "/v1/deliveries/{id}", id: delivery)
        try await ask(.post, "/v1/deliveries/{id}/retry", id: "dlv_none")
        let replay = "/v1/subscriptions/{id}/replay"
        try await ask(.post, replay, id: id, #"{"since":"2020-01-01T00:00:00Z","state":"all"}"#)
        try await ask(.post, replay, id: id, #"{"state":"some"}"#)
        try await ask(.post, "/v1/subscriptions/{id}/test", id: id)
        try await ask(.post, "/v1/subscriptions/{id}/test", id: id, #"{"x":1}"#)
    }

    private mutating func askAccess() async throws {
        let made = try await ask(.post, "/v1/keys", #"{"name":"reader","scopes":["audit:read"]}"#)
        let key = try #require(made["key"]?.string)
        try await ask(.get, "/v1/keys", query: "?limit=1")
        try await ask(.get, "/v1/keys", key: key)
        try await ask(.get, "/v1/keys", key: nil)
        try await ask(.get, "/v1/whoami", key: key)
        try await ask(.get, "/v1/audit", query: "?limit=2")
        try await ask(.delete, "/v1/keys/{id}", id: "key_none")
    }
}
