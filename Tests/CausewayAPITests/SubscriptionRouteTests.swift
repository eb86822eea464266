import CausewayCore
import HTTPTypes
import Storage
import Support
import Testing

@testable import CausewayAPI

@Suite("Subscriptions over HTTP", .onEveryEngine)
struct SubscriptionRouteTests {
    private let body = #"{"url":"https://team.example.com/hook","headers":{"Authorization":"Bearer t0psecret"}}"#

    private func key(_ api: APIFixture, _ scopes: String) async throws -> String {
        let made = try await api.ask(.post, "/v1/keys", body: #"{"name":"k","scopes":[\#(scopes)]}"#)
        return try #require(made.json["key"]?.string)
    }

    private func kept(_ api: APIFixture) async throws -> String {
        try await api.database.engine.read { transaction in
            try transaction.rows("SELECT body FROM idempotency_record").compactMap { try $0["body"] as String? }
                .joined()
        }
    }

    @Test("values of headers are shown to those who may change them, and masked to the others")
    func masked() async throws {
        let api = try await APIFixture()
        let id = try #require(try await api.ask(.post, "/v1/subscriptions", body: body).json["id"]?.string)
        let reader = try await key(api, #""subscriptions:read""#)
        let writer = try await key(api, #""subscriptions:read","subscriptions:write""#)
        for path in ["/v1/subscriptions", "/v1/subscriptions/\(id)"] {
            let masked = try await api.ask(.get, path, key: reader).text
            #expect(masked.contains(#""Authorization":"***""#))
            #expect(!masked.contains("t0psecret"))
            #expect(try await api.ask(.get, path, key: writer).text.contains("t0psecret"))
        }
        let refused = try await api.ask(
            .patch, "/v1/subscriptions/\(id)", body: #"{"headers":{"Authorization":"***"}}"#)
        #expect(refused.status == .unprocessableContent)
        #expect(refused.json["errors"]?.array?.first?["code"] == "masked_header")
    }

    @Test("the answer to a making is given again whole, and kept without what is secret")
    func replayedMaking() async throws {
        let api = try await APIFixture()
        let headers: HTTPFields = [.idempotencyKey: "k"]
        let first = try await api.ask(.post, "/v1/subscriptions", headers: headers, body: body)
        let again = try await api.ask(.post, "/v1/subscriptions", headers: headers, body: body)
        #expect(again.json == first.json)
        #expect(again.headers[.idempotencyReplayed] == "true")
        let kept = try await kept(api)
        #expect(kept.contains("team.example.com"))
        #expect(!kept.contains("whsec_"))
        #expect(!kept.contains("t0psecret"))
        let id = try #require(first.json["id"]?.string)
        _ = try await api.ask(.delete, "/v1/subscriptions/\(id)")
        let gone = try await api.ask(.post, "/v1/subscriptions", headers: headers, body: body)
        #expect(gone.status == .gone)
    }

    @Test("a rotation answers the new secret, once for an Idempotency-Key, and is audited")
    func rotation() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(.post, "/v1/subscriptions", body: body)
        let id = try #require(made.json["id"]?.string)
        let path = "/v1/subscriptions/\(id)/rotate-secret"
        let headers: HTTPFields = [.idempotencyKey: "k"]
        let first = try await api.ask(.post, path, headers: headers, body: #"{"grace":60}"#)
        let again = try await api.ask(.post, path, headers: headers, body: #"{"grace":60}"#)
        #expect(first.status == .ok)
        #expect(first.json["secret"] != made.json["secret"])
        #expect(again.json == first.json)
        #expect(!(try await kept(api)).contains("whsec_"))
        #expect(try await api.ask(.get, "/v1/subscriptions/\(id)/secret").json["secret"] == first.json["secret"])
        #expect(try await api.ask(.get, "/v1/audit").text.contains("subscription.rotate_secret"))
        for _ in 0..<3 { _ = try await api.ask(.post, path) }
        let refused = try await api.ask(.post, path)
        #expect(refused.status == .conflict)
        #expect(refused.json["code"] == "too_many_secrets")
        #expect(try await api.ask(.post, path, body: #"{"grace":-1}"#).status == .unprocessableContent)
    }
}
