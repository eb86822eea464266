import CausewayCore
import HTTPTypes
import Support
import Testing

@testable import CausewayAPI

@Suite("A text with U+0000")
struct NULTests {
    @Test(
        "in a body is refused, and the member is named",
        arguments: [
            ("/v1/exports", #"{"report":"vrc\u0000"}"#, "report"),
            ("/v1/exports", #"{"report":"vrc_1","metadata":{"a":[1,{"b\u0000":2}]}}"#, "metadata.a.1.b␀"),
            ("/v1/exports", #"{"report":"vrc_1","metadata":{"a":[1,{"b":"x\u0000"}]}}"#, "metadata.a.1.b"),
            ("/v1/keys", #"{"name":"a\u0000b","scopes":["admin"]}"#, "name"),
            ("/v1/subscriptions", #"{"url":"https://example.com","description":"\u0000"}"#, "description"),
            ("/v1/subscriptions", #"{"url":"https://example.com","headers":{"X-A":"\u0000"}}"#, "headers.X-A"),
        ])
    func body(path: String, body: String, field: String) async throws {
        let api = try await APIFixture()
        let answer = try await api.ask(.post, path, body: body)
        #expect(answer.status == .unprocessableContent)
        let errors = answer.json["errors"]?.array ?? []
        #expect(errors.map { $0["field"]?.string } == [field])
        #expect(errors.map { $0["code"]?.string } == ["invalid_character"])
    }

    @Test(
        "in the query is refused",
        arguments: [
            "/v1/audit?resource=%00", "/v1/exports?report=a%00b", "/v1/keys?cursor=%00", "/v1/keys?x%00=1",
            "/v1/exports/exp_1?wait=%00",
        ])
    func query(uri: String) async throws {
        let api = try await APIFixture()
        #expect(try await api.ask(.get, uri).status == .unprocessableContent)
    }

    @Test(
        "in a path names nothing",
        arguments: [
            "/v1/exports/%00", "/v1/exports/vrex_%00", "/v1/exports/a/files/%00", "/v1/imports/%00",
            "/v1/subscriptions/sub_%00", "/v1/reports/%00", "/v1/objects/%00", "/v1/deliveries/%00",
        ])
    func path(uri: String) async throws {
        let api = try await APIFixture()
        #expect(try await api.ask(.get, uri).status == .notFound)
    }

    @Test("in the vendor's way in is an unknown token")
    func hooks() async throws {
        let api = try await APIFixture()
        for path in ["/hooks/exports/%00", "/hooks/events/a%00"] {
            #expect(try await api.ask(.post, path, key: nil, body: "{}").status == .notFound)
        }
    }

    @Test("in an uploaded file, its name or its header is told with a picture of it")
    func upload() async throws {
        let api = try await APIFixture()
        let answer = try await api.ask(
            .put, "/v1/imports/customers",
            headers: [.contentType: "text/csv", .contentDisposition: "attachment; filename*=UTF-8''a%00b.csv"],
            body: "email,na\0me\na\0@example.com,x\n")
        #expect(answer.status == .unprocessableContent)
        #expect(answer.json["filename"] == "ab.csv")
        let id = try #require(answer.json["id"]?.string)
        let errors = try await api.ask(.get, "/v1/imports/\(id)/errors").json["data"]?.array ?? []
        #expect(!errors.isEmpty)
        #expect(errors.allSatisfy { $0.placeOfNUL == nil })
    }
}
