import CausewayCore
import Exports
import HTTPTypes
import Logging
import Storage
import Support
import Testing
import WorkQueue

@testable import CausewayAPI

@Suite("/v1/schedules", .onEveryEngine)
struct ScheduleRouteTests {
    @Test("makes a schedule with defaults and shows its next runs")
    func make() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(
            .post, "/v1/schedules",
            body: #"{"report":"vrc_1","cron":"0 6 * * 1-5","time_zone":"Europe/Berlin","metadata":{"team":"x"}}"#)
        #expect(made.status == .created)
        let id = try #require(made.json["id"]?.string)
        #expect(id.hasPrefix("sch_"))
        #expect(made.headers[.location] == "/v1/schedules/\(id)")
        // The clock stands at 2023-11-14T22:13:20Z.
        #expect(made.json["next_runs"]?.array?.first == "2023-11-15T05:00:00.000Z")
        #expect(made.json["next_runs"]?.array?.count == 5)
        #expect(made.json["last_run"] == .null)
        #expect(made.json["member_email"] == .null)
        #expect(made.json["enabled"] == true)
        #expect(made.json["warnings"] == [])
        let often = try await api.ask(.post, "/v1/schedules", body: #"{"report":"vrc_2","cron":"@hourly"}"#)
        #expect(often.json["time_zone"] == "UTC")
        #expect(often.json["warnings"]?.array?.first?["code"] == "more_often_than_window")
    }

    @Test("tells everything that is wrong at once, in form and in meaning")
    func mistakes() async throws {
        let api = try await APIFixture()
        let answer = try await api.ask(
            .post, "/v1/schedules",
            body: #"""
                {"report":7,"member_email":"nobody","cron":"0 6 30 2 *","time_zone":"europe/berlin",
                 "metadata":{"schedule":"x"},"enabled":"yes","crom":"0 6 * * *"}
                """#)
        #expect(answer.status == .unprocessableContent)
        let errors = answer.json["errors"]?.array ?? []
        let codes = Dictionary(
            errors.map { ($0["field"]?.string ?? "", $0["code"]?.string ?? "") }, uniquingKeysWith: { "\($0)+\($1)" })
        #expect(
            codes == [
                "report": "wrong_type", "member_email": "invalid", "cron": "invalid_cron",
                "time_zone": "unknown_time_zone", "metadata": "reserved", "enabled": "wrong_type",
                "crom": "unknown_field",
            ])
        #expect(answer.text.contains("Did you mean `Europe/Berlin`?"))
        #expect(answer.text.contains("did you mean `cron`?"))
        let none = try await api.ask(.post, "/v1/schedules", body: "{}")
        #expect(none.json["errors"]?.array?.map { $0["field"] } == ["report", "cron"])
        let minutely = try await api.ask(.post, "/v1/schedules", body: #"{"report":"vrc_1","cron":"* * * * *"}"#)
        #expect(minutely.json["errors"]?.array?.first?["code"] == "too_often")
        for body in [
            #"{"report":null}"#, #"{"cron":null}"#, #"{"cron":"x"}"#, #"{"metadata":[]}"#,
            #"{"description":"a\u0000"}"#,
            #"{"time_zone":"EST"}"#, #"{"report":"a b"}"#, #"{"id":"sch_1"}"#,
        ] {
            let made = try await api.ask(.post, "/v1/schedules", body: #"{"report":"vrc_1","cron":"@daily"}"#)
            let path = try #require(made.headers[.location])
            let refused = try await api.ask(.patch, path, body: body)
            #expect(refused.status == .unprocessableContent, "\(body)")
            #expect(refused.json["errors"]?.array?.count == 1, "\(body)")
        }
    }

    @Test("changes what is named, and puts defaults back for null")
    func change() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(
            .post, "/v1/schedules",
            body: #"""
                {"report":"vrc_1","cron":"0 6 * * *","time_zone":"Europe/Berlin","description":"d",
                 "member_email":"a@example.com","metadata":{"a":1},"show_unexpanded":true}
                """#)
        let path = try #require(made.headers[.location])
        let changed = try await api.ask(.patch, path, body: #"{"cron":"30 5 * * *","enabled":false}"#)
        #expect(changed.status == .ok)
        #expect(changed.json["next_runs"] == [])
        #expect(changed.json["report"] == "vrc_1")
        #expect(changed.json["member_email"] == "a@example.com")
        let back = try await api.ask(
            .patch, path,
            body: #"""
                {"time_zone":null,"description":null,"member_email":null,"metadata":null,"show_unexpanded":null,
                 "enabled":null}
                """#)
        #expect(back.json["time_zone"] == "UTC")
        #expect(back.json["next_runs"]?.array?.first == "2023-11-15T05:30:00.000Z")
        #expect(back.json["description"] == .null)
        #expect(back.json["member_email"] == .null)
        #expect(back.json["metadata"] == [:])
        #expect(back.json["show_unexpanded"] == false)
        let shown = try await api.ask(.get, path)
        #expect(shown.json == back.json)
        let tag = try #require(shown.headers[.eTag])
        #expect(try await api.ask(.get, path, headers: [.ifNoneMatch: tag]).status == .notModified)
    }

    @Test("makes one for an Idempotency-Key, and leaves rows in the audit log")
    func recorded() async throws {
        let api = try await APIFixture()
        let headers: HTTPFields = [.idempotencyKey: "k-1"]
        let body = #"{"report":"vrc_1","cron":"@daily"}"#
        let first = try await api.ask(.post, "/v1/schedules", headers: headers, body: body)
        let second = try await api.ask(.post, "/v1/schedules", headers: headers, body: body)
        #expect(second.text == first.text)
        let id = try #require(first.json["id"]?.string)
        api.time.advance(by: .seconds(1))
        _ = try await api.ask(.patch, "/v1/schedules/\(id)", body: #"{"enabled":false}"#)
        api.time.advance(by: .seconds(1))
        #expect(try await api.ask(.delete, "/v1/schedules/\(id)").status == .noContent)
        for method in [HTTPRequest.Method.get, .patch, .delete] {
            let gone = try await api.ask(method, "/v1/schedules/\(id)", body: method == .patch ? "{}" : nil)
            #expect(gone.status == .notFound)
        }
        let rows = try await api.ask(.get, "/v1/audit?resource=\(id)").json["data"]?.array ?? []
        #expect(rows.map { $0["action"] } == ["schedule.delete", "schedule.update", "schedule.create"])
    }

    @Test("is the caller of what it asks for, in the audit log and in the export's metadata")
    func audit() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(
            .post, "/v1/schedules",
            body: #"{"report":"vrc_1","cron":"0 6 * * *","description":"Books","metadata":{"team":"x"}}"#)
        let id = try #require(made.json["id"]?.string)
        let engine = api.database.engine
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let worker = Worker(
            queue: WorkQueue(), engine: engine, time: api.time, logger: logger,
            handlers: api.exports.handlers.filter { $0.kind == "export.schedule" })
        let rows = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await worker.run() }
            api.time.advance(by: .seconds(86_400))
            let rows = try await engine.signals.withSubscription(to: [WorkQueue.topic("export.trigger")]) { signal in
                while true {
                    let rows = try await api.ask(.get, "/v1/audit?caller=\(id)").json["data"]?.array ?? []
                    if !rows.isEmpty { return rows }
                    _ = try await signal.next(until: SystemTimeSource().now() + .seconds(2), by: SystemTimeSource())
                }
            }
            worker.stop()
            group.cancelAll()
            return rows
        }
        let row = try #require(rows.first)
        #expect(rows.count == 1)
        #expect(row["action"] == "export.request")
        #expect(row["caller_name"] == "Books")
        let shown = try await api.ask(.get, "/v1/schedules/\(id)")
        let export = try #require(shown.json["last_run"]?["export"]?.string)
        #expect(row["resource"]?.string == export)
        #expect(
            try await api.ask(.get, "/v1/exports/\(export)").json["metadata"] == [
                "team": "x", "schedule": .string(id),
            ])
        let exports = try await api.ask(.get, "/v1/exports?source=api")
        #expect(exports.json["data"]?.array?.count == 1)
    }

    @Test("lists the newest first, by report and by whether they run")
    func list() async throws {
        let api = try await APIFixture()
        var ids: [String] = []
        for number in 0..<5 {
            let made = try await api.ask(
                .post, "/v1/schedules",
                body: #"{"report":"vrc_\#(number % 2)","cron":"@daily","enabled":\#(number < 3)}"#)
            ids.append(try #require(made.json["id"]?.string))
            api.time.advance(by: .milliseconds(2))
        }
        func listed(_ query: String) async throws -> [Int] {
            let answer = try await api.ask(.get, "/v1/schedules\(query)")
            return (answer.json["data"]?.array ?? []).compactMap { ids.firstIndex(of: $0["id"]?.string ?? "") }
        }
        #expect(try await listed("") == [4, 3, 2, 1, 0])
        #expect(try await listed("?report=vrc_1") == [3, 1])
        #expect(try await listed("?enabled=true&report=vrc_0") == [2, 0])
        #expect(try await listed("?enabled=true&enabled=false").count == 5)
        let page = try await api.ask(.get, "/v1/schedules?limit=2")
        let cursor = try #require(page.json["next_cursor"]?.string)
        #expect(try await listed("?limit=2&cursor=\(cursor)") == [2, 1])
        #expect(try await api.ask(.get, "/v1/schedules?enabled=yes").status == .unprocessableContent)
    }

    @Test("is read with exports:read and changed with exports:write")
    func scopes() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(.post, "/v1/keys", body: #"{"name":"r","scopes":["exports:read"]}"#)
        let key = try #require(made.json["key"]?.string)
        #expect(try await api.ask(.get, "/v1/schedules", key: key).status == .ok)
        let refused = try await api.ask(.post, "/v1/schedules", key: key, body: #"{"report":"vrc_1","cron":"@daily"}"#)
        #expect(refused.status == .forbidden)
    }
}
