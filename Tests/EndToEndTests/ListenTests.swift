import CausewayCore
import Fanout
import Foundation
import Glibc
import Support
import Testing

@Suite("causeway listen", .timeLimit(.minutes(3)))
struct ListenTests {
    private func listen(_ stage: Stage, _ arguments: [String] = []) async throws -> ChildProcess {
        let child = try ChildProcess(
            ["listen"] + arguments,
            environment: ["CAUSEWAY_URL": stage.gateway.url, "CAUSEWAY_KEY": GatewayProcess.adminKey],
            in: stage.directory.path)
        _ = try await child.line("the listener") { $0.hasPrefix("Listening at ") ? () : nil }
        return child
    }

    /// Runs one to its end.
    private func run(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey
    ) async throws -> Int32 {
        try await ChildProcess(
            ["listen"] + arguments, environment: ["CAUSEWAY_URL": stage.gateway.url, "CAUSEWAY_KEY": key],
            in: stage.directory.path
        ).exit()
    }

    private func subscriptions(_ stage: Stage) async throws -> [JSONValue] {
        try await stage.gateway.get("/v1/subscriptions").json["data"]?.array ?? []
    }

    @Test("subscribes, prints what comes with its verdict, and leaves no subscription behind")
    func prints() async throws {
        try await Stage.run { stage in
            let child = try await listen(stage, ["--events", "export.completed,import.failed"])
            let made = try #require(try await subscriptions(stage).first)
            #expect(made["events"] == ["export.completed", "import.failed"])
            let test = try await stage.gateway.post(
                "/v1/subscriptions/\(made["id"]?.string ?? "")/test", [:])
            #expect(test.json["state"] == "delivered")
            let id = test.json["event"]?.string ?? ""
            let line = try await child.line("the webhook") { $0.contains(id) ? $0 : nil }
            #expect(line.contains("subscription.test") && line.contains("verified, answered 204"))

            let forged = try await Curl.run(
                ["-X", "POST", "-d", "{}", "-H", "webhook-id: evt_1", made["url"]?.string ?? ""])
            #expect(forged.status == 401)
            _ = try await child.line("the forgery") { $0.contains("NOT VERIFIED") ? () : nil }
            child.signal(SIGINT)
            #expect(try await child.exit() == 0)
            #expect(try await subscriptions(stage).isEmpty)
        }
    }

    @Test("what a killed listener left is taken away by the next, which a running one does not")
    func leftover() async throws {
        try await Stage.run { stage in
            let first = try await listen(stage)
            first.signal(SIGKILL)
            _ = try await first.exit()
            #expect(try await subscriptions(stage).count == 1)
            let second = try await listen(stage)
            let third = try await listen(stage)
            #expect(try await subscriptions(stage).count == 2)
            for child in [second, third] {
                child.signal(SIGTERM)
                #expect(try await child.exit() == 0)
            }
            #expect(try await subscriptions(stage).isEmpty)
        }
    }

    @Test("forwards what is verified, and hands the answer back")
    func forwards() async throws {
        try await Stage.run { stage in
            let behind = try await listen(stage)
            let target = try #require(try await subscriptions(stage).first?["url"]?.string)
            let child = try await listen(stage, ["--forward", target, "--quiet"])
            let made = try #require(try await subscriptions(stage).first)
            let test = try await stage.gateway.post(
                "/v1/subscriptions/\(made["id"]?.string ?? "")/test", [:])
            // The one behind has another secret.
            #expect(test.json["attempts"]?.array?.first?["status_code"] == 401)
            _ = try await child.line("the webhook") { $0.contains("verified, forwarded, answered 401") ? () : nil }
            for child in [child, behind] {
                child.signal(SIGINT)
                #expect(try await child.exit() == 0)
            }
            #expect(try await subscriptions(stage).isEmpty)
        }
    }

    @Test("ends with 2 where it is called wrongly, and with 1 where the gateway refuses")
    func wrong() async throws {
        try await Stage.run { stage in
            for arguments in [["--port", "0"], ["--port", "x"], ["--forward", "ftp://x"], ["--events"]] {
                #expect(try await run(stage, arguments) == 2, "\(arguments)")
            }
            #expect(try await run(stage, ["--events", "export.complete"]) == 1)
            #expect(try await run(stage, [], key: "cwy_wrong") == 1)
            let left = try await subscriptions(stage)
            #expect(left.isEmpty)
        }
    }
}
