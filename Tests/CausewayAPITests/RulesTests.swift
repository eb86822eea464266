import Access
import CausewayCore
import HTTPTypes
import Hummingbird
import Support
import Testing

@testable import CausewayAPI

@Suite("Every call", .onEveryEngine)
struct RulesTests {
    @Test("needs a key, as a Bearer token or as the password of Basic")
    func authentication() async throws {
        let api = try await APIFixture()
        let refused = try await api.ask(.get, "/v1/whoami", key: nil)
        #expect(refused.status == .unauthorized)
        #expect(refused.headers[.wwwAuthenticate]?.contains("Bearer") == true)
        #expect(refused.headers[.contentType] == "application/problem+json")
        #expect(refused.json["code"] == "unauthorized")
        #expect(try await api.ask(.get, "/v1/whoami", key: "wrong").status == .unauthorized)
        let basic: HTTPFields = [.authorization: "Basic OnNldC11cC1rZXk="]
        let accepted = try await api.ask(.get, "/v1/whoami", key: nil, headers: basic)
        #expect(accepted.json["id"] == "admin_key")
        let broken: HTTPFields = [.authorization: "Basic %%%"]
        #expect(try await api.ask(.get, "/v1/whoami", key: nil, headers: broken).status == .unauthorized)
    }

    @Test("is refused without the scope, naming it")
    func scopes() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(.post, "/v1/keys", body: #"{"name":"reader","scopes":["audit:read"]}"#)
        #expect(made.status == .created)
        let key = try #require(made.json["key"]?.string)
        #expect(key.hasPrefix("cwy_"))
        #expect(try await api.ask(.get, "/v1/audit", key: key).status == .ok)
        let refused = try await api.ask(.get, "/v1/keys", key: key)
        #expect(refused.status == .forbidden)
        #expect(refused.json["detail"]?.string?.contains("`admin`") == true)
    }

    @Test("is answered with its request id, taken or made, also when it fails")
    func requestID() async throws {
        let api = try await APIFixture()
        let taken = try await api.ask(.get, "/v1/keys/x", headers: [.requestID: "abc-123"])
        #expect(taken.headers[.requestID] == "abc-123")
        #expect(taken.json["request_id"] == "abc-123")
        let forged = try await api.ask(.get, "/healthz", key: nil, headers: [.requestID: "a b"])
        #expect(forged.headers[.requestID]?.hasPrefix("req_") == true)
    }

    @Test("to a path with another method is 405 with what it takes; to no path 404")
    func methods() async throws {
        let api = try await APIFixture()
        let wrong = try await api.ask(.put, "/v1/keys")
        #expect(wrong.status == .methodNotAllowed)
        #expect(wrong.headers[.allow] == "GET, HEAD, POST")
        let head = try await api.ask(.head, "/v1/whoami")
        #expect(head.status == .ok)
        #expect(head.text.isEmpty)
        #expect(try await api.ask(.get, "/v1/nothing").json["code"] == "not_found")
    }

    @Test("with a body that is no JSON, no object, too large or of another type is told so")
    func bodies() async throws {
        let api = try await APIFixture()
        #expect(try await api.ask(.post, "/v1/keys", body: "{\"name\":").json["code"] == "invalid_json")
        #expect(try await api.ask(.post, "/v1/keys", body: "[1]").status == .badRequest)
        let large = "{\"name\":\"" + String(repeating: "x", count: 1 << 20) + "\"}"
        #expect(try await api.ask(.post, "/v1/keys", body: large).status == .contentTooLarge)
        let form = try await api.ask(.post, "/v1/keys", headers: [.contentType: "text/plain"], body: "{}")
        #expect(form.status == .unsupportedMediaType)
    }

    @Test("with several mistakes is told all of them, with what was probably meant")
    func mistakes() async throws {
        let api = try await APIFixture()
        let answer = try await api.ask(
            .post, "/v1/keys", body: #"{"scopes":["export:read"],"expires_at":"soon","nam":"x"}"#)
        #expect(answer.status == .unprocessableContent)
        let errors = answer.json["errors"]?.array ?? []
        #expect(Set(errors.compactMap { $0["field"]?.string }) == ["name", "scopes", "expires_at", "nam"])
        let details = errors.compactMap { $0["detail"]?.string }.joined(separator: " ")
        #expect(details.contains("did you mean `exports:read`?"))
        #expect(details.contains("did you mean `name`?"))
    }

    @Test("with an unknown or wrong query parameter is refused, so that no filter is silently ignored")
    func parameters() async throws {
        let api = try await APIFixture()
        let answer = try await api.ask(.get, "/v1/audit?limit=0&cursr=x")
        #expect(answer.status == .unprocessableContent)
        #expect(answer.json["errors"]?.array?.count == 2)
        #expect(try await api.ask(.get, "/v1/audit?cursor=%21").status == .unprocessableContent)
        for list in ["keys", "audit", "exports", "schedules", "subscriptions", "deliveries", "imports"] {
            let answer = try await api.ask(.get, "/v1/\(list)?cursor=AAAA")
            #expect(answer.json["errors"]?.array?.first?["code"] == "invalid_cursor", "\(list)")
        }
        #expect(try await api.ask(.get, "/v1/whoami?x=1").status == .unprocessableContent)
        #expect(try await api.ask(.get, "/healthz?x=1", key: nil).status == .ok)
    }

    @Test("with a cursor of another list, or of another filter, is refused")
    func cursors() async throws {
        let api = try await APIFixture()
        for name in ["a", "b", "c"] {
            let body = "{\"url\":\"https://team.example/\(name)\"}"
            #expect(try await api.ask(.post, "/v1/subscriptions", body: body).status == .created)
        }
        let page = try await api.ask(.get, "/v1/subscriptions?limit=2")
        let cursor = try #require(page.json["next_cursor"]?.string)
        let next = try await api.ask(.get, "/v1/subscriptions?limit=1&cursor=\(cursor)")
        #expect(next.json["data"]?.array?.count == 1)
        for list in ["deliveries", "events"] {
            let answer = try await api.ask(.get, "/v1/\(list)?cursor=\(cursor)")
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["errors"]?.array?.first?["code"] == "invalid_cursor", "\(list)")
        }
        let audit = try await api.ask(.get, "/v1/audit?limit=1&action=subscription.create")
        let filtered = try #require(audit.json["next_cursor"]?.string)
        let same = "/v1/audit?action=subscription.create&limit=50&cursor=\(filtered)"
        #expect(try await api.ask(.get, same).json["data"]?.array?.count == 2)
        #expect(try await api.ask(.get, "/v1/audit?cursor=\(filtered)").status == .unprocessableContent)
    }

    @Test("with a member given twice is refused with its name, however it is spelled and wherever it stands")
    func repeatedMembers() async throws {
        let api = try await APIFixture()
        for (body, field) in [
            (#"{"name":"a","scopes":["admin"],"name":"b"}"#, "name"),
            (#"{"name":"a","scopes":[{"a":1},{"b":{"c":1,"\u0063":2}}]}"#, "scopes.1.b.c"),
        ] {
            let answer = try await api.ask(.post, "/v1/keys", body: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.json["errors"]?.array?.first?["code"] == "duplicate_field")
            #expect(answer.json["errors"]?.array?.first?["field"] == .string(field))
        }
        let good = #"{"name":"a, \"name\": {","scopes":["admin","audit:read"]}"#
        #expect(try await api.ask(.post, "/v1/keys", body: good).status == .created)
    }

    @Test("with a member where none is taken is told that")
    func noMembers() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(.post, "/v1/subscriptions", body: #"{"url":"https://team.example/"}"#)
        let id = try #require(made.json["id"]?.string)
        let answer = try await api.ask(.post, "/v1/subscriptions/\(id)/test", body: #"{"event":"x"}"#)
        #expect(answer.status == .unprocessableContent)
        #expect(answer.json["detail"]?.string?.contains("takes none") == true)
    }

    @Test("with more than anybody means is told a bounded number of mistakes")
    func bounds() async throws {
        let api = try await APIFixture()
        let filters = (0..<51).map { "resource=r\($0)" }.joined(separator: "&")
        #expect(try await api.ask(.get, "/v1/audit?\(filters)").status == .unprocessableContent)
        let same = Array(repeating: "resource=r", count: 60).joined(separator: "&")
        #expect(try await api.ask(.get, "/v1/audit?\(same)").status == .ok)
        let members = (0..<500).map { "\"m\($0)\":1" }.joined(separator: ",")
        let answer = try await api.ask(.post, "/v1/keys", body: "{\(members)}")
        #expect(answer.json["errors"]?.array?.count == 50)
        let deep = String(repeating: "{\"a\":", count: 100) + "1" + String(repeating: "}", count: 100)
        #expect(try await api.ask(.post, "/v1/exports", body: deep).json["code"] == "invalid_json")
    }

    @Test("is logged without what the vendor's way in carries, however its path is spelled")
    func loggedPaths() {
        for path in ["/hooks/events/T0KEN", "//hooks/events/T0KEN", "/x/Hooks/exports/T0KEN/y"] {
            #expect(!LoggedPath.of(path).contains("T0KEN"))
        }
        #expect(LoggedPath.of("/v1/exports/exp_1") == "/v1/exports/exp_1")
    }

    @Test("that changes something leaves a row in the audit log")
    func audit() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(
            .post, "/v1/keys", headers: [.requestID: "r-1"], body: #"{"name":"a","scopes":["admin"]}"#)
        let id = try #require(made.json["id"]?.string)
        api.time.advance(by: .seconds(1))
        #expect(try await api.ask(.delete, "/v1/keys/\(id)").status == .noContent)
        let rows = try await api.ask(.get, "/v1/audit?resource=\(id)").json["data"]?.array ?? []
        #expect(rows.map { $0["action"] } == ["key.revoke", "key.create"])
        #expect(rows.last?["request_id"] == "r-1")
        #expect(rows.last?["caller"] == "admin_key")
        #expect(rows.last?["result"] == 201)
        let text = try await api.ask(.get, "/v1/audit").text
        #expect(!text.contains("cwy_"))
    }

    @Test("is told what the whole interface is")
    func openAPI() async throws {
        let api = try await APIFixture()
        let answer = try await api.ask(.get, "/openapi.yaml", key: nil)
        #expect(answer.status == .ok)
        #expect(answer.text.hasPrefix("openapi: 3.1"))
    }
}
