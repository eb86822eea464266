import CausewayCore
import HTTPTypes
import Support
import Testing

@testable import CausewayAPI

@Suite("Resources", .onEveryEngine)
struct ResourceTests {
    @Test("that are asked for twice with one Idempotency-Key are made once, and answered alike")
    func idempotency() async throws {
        let api = try await APIFixture()
        let headers: HTTPFields = [.idempotencyKey: "k-1"]
        let body = #"{"report":"vrc_1"}"#
        let first = try await api.ask(.post, "/v1/exports", headers: headers, body: body)
        let second = try await api.ask(.post, "/v1/exports", headers: headers, body: body)
        #expect(first.status == .accepted)
        #expect(first.headers[.location]?.hasPrefix("/v1/exports/exp_") == true)
        #expect(second.headers[.idempotencyReplayed] == "true")
        #expect(second.text == first.text)
        #expect(second.headers[.location] == first.headers[.location])
        #expect(first.json["requests"] == 1)
        let other = try await api.ask(.post, "/v1/exports", headers: headers, body: #"{"report":"vrc_2"}"#)
        #expect(other.status == .conflict)
        #expect(other.json["code"] == "idempotency_conflict")
    }

    @Test("that were refused may be asked for again with the same Idempotency-Key")
    func refusedIdempotency() async throws {
        let api = try await APIFixture()
        let headers: HTTPFields = [.idempotencyKey: "k-1"]
        let body = #"{"url":"http://127.0.0.1/hook"}"#
        for _ in 0..<2 {
            let answer = try await api.ask(.post, "/v1/subscriptions", headers: headers, body: body)
            #expect(answer.status == .unprocessableContent)
            #expect(answer.text.contains("deliveries.allow_networks"))
        }
    }

    @Test("carry an ETag, and are not sent again to who has them")
    func entityTags() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(.post, "/v1/exports", body: #"{"report":"vrc_1","metadata":{"team":"x"}}"#)
        let path = try #require(made.headers[.location])
        let shown = try await api.ask(.get, path)
        let tag = try #require(shown.headers[.eTag])
        #expect(shown.json["metadata"] == ["team": "x"])
        let again = try await api.ask(.get, path, headers: [.ifNoneMatch: "\"other\", W/\(tag)"])
        #expect(again.status == .notModified)
        #expect(again.text.isEmpty)
    }

    @Test("that do not exist are 404 with words, whatever the id looks like")
    func missing() async throws {
        let api = try await APIFixture()
        for path in [
            "/v1/exports/exp_x", "/v1/exports/vrex_none", "/v1/subscriptions/sub_x",
            "/v1/subscriptions/sub_00000000000000000000000000", "/v1/deliveries/dlv_x",
            "/v1/deliveries/dlv_00000000000000000000000000", "/v1/exports/%00", "/v1/exports/exp_x/files/a.csv",
            "/v1/exports/%F0%9F%92%A9",
        ] {
            let answer = try await api.ask(.get, path)
            #expect(answer.status == .notFound, "\(path)")
            #expect(answer.json["code"]?.string != nil, "\(path)")
        }
    }

    @Test("are shown with their secret when made and at …/secret, nowhere else")
    func secrets() async throws {
        let api = try await APIFixture()
        let body = #"{"url":"https://team.example.com/hook?token=t0psecret"}"#
        let made = try await api.ask(.post, "/v1/subscriptions", body: body)
        #expect(made.status == .created)
        let secret = try #require(made.json["secret"]?.string)
        let id = try #require(made.json["id"]?.string)
        #expect(try await api.ask(.get, "/v1/subscriptions/\(id)/secret").json["secret"]?.string == secret)
        for path in ["/v1/subscriptions/\(id)", "/v1/subscriptions", "/v1/audit"] {
            #expect(try await api.ask(.get, path).text.contains(secret) == false)
        }
        // A URL's path and query may be as secret: the audit log keeps its host.
        let audited = try await api.ask(.get, "/v1/audit").text
        #expect(audited.contains("team.example.com"))
        #expect(!audited.contains("t0psecret"))
        #expect(try await api.ask(.delete, "/v1/subscriptions/\(id)").status == .noContent)
        #expect(try await api.ask(.get, "/v1/subscriptions/\(id)").status == .notFound)
    }

    @Test("of the vendor's way in are nobody's without a token")
    func hooks() async throws {
        let api = try await APIFixture()
        #expect(try await api.ask(.post, "/hooks/exports/guess", key: nil, body: "{}").status == .notFound)
        #expect(try await api.ask(.post, "/hooks/events/guess", key: nil, body: "{}").status == .notFound)
    }
}
