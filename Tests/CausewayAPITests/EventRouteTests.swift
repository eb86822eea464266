import CausewayCore
import Events
import HTTPTypes
import Storage
import Support
import Testing

@testable import CausewayAPI

@Suite("Events over HTTP", .onEveryEngine, .timeLimit(.minutes(2)))
struct EventRouteTests {
    @discardableResult
    private func publish(_ api: APIFixture, _ type: String, _ resource: String) async throws -> String {
        let draft = EventDraft(
            type: type, resource: resource, timestamp: api.time.now(), data: ["id": .string(resource)])
        _ = try await api.database.engine.write { try EventLog().append(draft, in: $0) }
        return draft.id.text
    }

    private func ids(_ answer: TestAnswer) -> [String] {
        (answer.json["data"]?.array ?? []).compactMap { $0["id"]?.string }
    }

    @Test("come in order, behind one, of a type, page by page, tests left out")
    func order() async throws {
        let api = try await APIFixture()
        var all: [String] = []
        for number in 0..<5 {
            all.append(try await publish(api, number == 2 ? "import.failed" : "export.completed", "r_\(number)"))
        }
        try await publish(api, "subscription.test", "sub_x")
        #expect(ids(try await api.ask(.get, "/v1/events")) == all)
        #expect(ids(try await api.ask(.get, "/v1/events?after=\(all[1])&limit=2")) == Array(all[2...3]))
        #expect(ids(try await api.ask(.get, "/v1/events?type=import.failed")) == [all[2]])
        var seen: [String] = []
        var cursor = ""
        repeat {
            let page = try await api.ask(.get, "/v1/events?limit=2\(cursor)")
            seen += ids(page)
            cursor = page.json["next_cursor"]?.string.map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        #expect(seen == all)
        let one = try await api.ask(.get, "/v1/events/\(all[0])")
        #expect(one.json["data"] == ["id": "r_0"])
        #expect(one.json["type"] == "export.completed")
    }

    @Test("are waited for, and nobody waits longer than asked")
    func wait() async throws {
        let api = try await APIFixture()
        let first = try await publish(api, "export.completed", "r_1")
        async let answer = api.ask(.get, "/v1/events?after=\(first)&wait=60")
        let second = try await publish(api, "export.completed", "r_2")
        #expect(ids(try await answer) == [second])
        async let nothing = api.ask(.get, "/v1/events?after=\(second)&wait=1")
        await api.time.advanceToNextSleeper()
        #expect(ids(try await nothing) == [])
    }

    @Test("are refused with words where the question is wrong")
    func wrong() async throws {
        let api = try await APIFixture()
        for query in ["after=x", "type=none", "wait=61", "limit=0", "before=x", "cursor=x"] {
            #expect(try await api.ask(.get, "/v1/events?\(query)").status == .unprocessableContent, "\(query)")
        }
        let gone = "evt_00000000000000000000000000"
        #expect(try await api.ask(.get, "/v1/events?after=\(gone)").status == .notFound)
        #expect(try await api.ask(.get, "/v1/events/\(gone)").status == .notFound)
        #expect(try await api.ask(.post, "/v1/events/\(gone)/replay").status == .notFound)
        let id = try await publish(api, "export.completed", "r")
        #expect(
            try await api.ask(.post, "/v1/events/\(id)/replay", body: #"{"subscription":"x"}"#).status
                == .unprocessableContent)
        let unknown = #"{"subscription":"sub_00000000000000000000000000"}"#
        #expect(try await api.ask(.post, "/v1/events/\(id)/replay", body: unknown).status == .notFound)
    }

    @Test("and deliveries are sent again: each retry counts, the same key is one")
    func again() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(.post, "/v1/subscriptions", body: #"{"url":"https://team.example.com/hook"}"#)
        let subscription = try #require(made.json["id"]?.string)
        let event = try await publish(api, "export.completed", "r")
        let replay = try await api.ask(
            .post, "/v1/events/\(event)/replay", body: #"{"subscription":"\#(subscription)"}"#)
        #expect(replay.status == .accepted)
        #expect(replay.json["count"] == 1)
        let delivery = try #require(
            try await api.ask(.get, "/v1/deliveries").json["data"]?.array?.first?["id"]?.string)
        let retry = "/v1/deliveries/\(delivery)/retry"
        for _ in 0..<2 {
            let retried = try await api.ask(.post, retry)
            #expect(retried.status == .accepted)
            #expect(retried.json["state"] == "pending")
            #expect(retried.headers[.idempotencyReplayed] == nil)
        }
        for replayed in [nil, "true"] {
            let retried = try await api.ask(.post, retry, headers: [.idempotencyKey: "k"])
            #expect(retried.headers[.idempotencyReplayed] == replayed)
        }
        let path = "/v1/subscriptions/\(subscription)/replay"
        let accepted = try await api.ask(
            .post, path, body: #"{"since":"2020-01-01T00:00:00Z","state":"all"}"#)
        #expect(accepted.status == .accepted)
        #expect(accepted.json["count"] == 0)
        for body in ["{}", #"{"since":"2999-01-01T00:00:00Z"}"#, #"{"since":"x"}"#, #"{"since":null,"state":"none"}"#] {
            #expect(try await api.ask(.post, path, body: body).status == .unprocessableContent, "\(body)")
        }
        // The loop of this house does not run.
        let test = try await api.ask(.post, "/v1/subscriptions/\(subscription)/test")
        #expect(test.json["code"] == "not_sent")
        let actions = try await api.ask(.get, "/v1/audit").text
        for action in ["event.replay", "delivery.retry"] { #expect(actions.contains(action)) }
    }
}
