import CausewayCore
import Support
import Testing

@Suite("causeway vendor webhook")
struct VendorWebhookCommandTests {
    private func run(
        _ stage: Stage, _ arguments: [String], settings: [String: String] = [:]
    ) async throws -> (status: Int32, text: String) {
        let child = try ChildProcess(
            ["vendor", "webhook"] + arguments, environment: stage.gateway.environment.merging(settings) { $1 },
            in: stage.directory.path)
        return (try await child.exit(), child.text)
    }

    private func subscriptions(_ stage: Stage) async throws -> [JSONValue] {
        try await stage.simulator.get("/simulator/state")["subscriptions"]?.array ?? []
    }

    @Test("registers it once, shows it, mends it and takes it away, while no gateway serves")
    func alone() async throws {
        try await Stage.run(settings: ["CAUSEWAY_VENDOR_REGISTER_WEBHOOK": "false"], startsGateway: false) { stage in
            let missing = try await run(stage, ["status"])
            #expect(missing.status == 1 && missing.text.hasPrefix("missing"), "\(missing.text)")
            let made = try await run(stage, ["register", "--json"])
            #expect(made.status == 0, "\(made.text)")
            let json = try JSONValue(parsing: made.text)
            #expect(json["state"] == "registered")
            #expect(try await subscriptions(stage).map { $0["target_url"] } == [json["url"]])
            let again = try await run(stage, ["register"])
            #expect(again.status == 0 && again.text.hasPrefix("unchanged"), "\(again.text)")
            let shown = try await run(stage, ["status", "--json"])
            #expect(shown.status == 0)
            #expect(try JSONValue(parsing: shown.text)["key"] == json["key"])

            // Somebody else's settings would take it away from the gateway.
            let elsewhere = try await run(
                stage, ["register"], settings: ["CAUSEWAY_PUBLIC_URL": "https://elsewhere.example"])
            #expect(elsewhere.status == 1 && elsewhere.text.contains("--force"), "\(elsewhere.text)")
            #expect(try await subscriptions(stage).count == 1)

            let removed = try await run(stage, ["remove"])
            #expect(removed.status == 0 && removed.text == "removed", "\(removed.text)")
            #expect(try await subscriptions(stage).isEmpty)
            #expect(try await run(stage, ["remove"]).text == "there was none")
        }
    }

    @Test("works beside a gateway that serves, and says that it puts back what is removed")
    func beside() async throws {
        try await Stage.run { stage in
            try await stage.gateway.logged("the account's webhook was registered")
            #expect(try await run(stage, ["status"]).status == 0)
            let removed = try await run(stage, ["remove"])
            #expect(removed.status == 0 && removed.text.contains("registers it again"), "\(removed.text)")
            #expect(try await run(stage, ["status"]).status == 1)
            let audit = try await stage.gateway.get("/v1/audit").data
            #expect(audit.first?["action"] == "webhook.remove")
        }
    }

    @Test("ends with 2 where settings are wrong, and with 1 where the vendor refuses")
    func wrong() async throws {
        try await Stage.run(startsGateway: false) { stage in
            #expect(try await run(stage, ["status"], settings: ["CAUSEWAY_VENDOR_URL": "nonsense"]).status == 2)
            #expect(try await run(stage, ["what"]).status == 2)
            let refused = try await run(stage, ["status"], settings: ["CAUSEWAY_VENDOR_SECRET_KEY": "sk_wrong"])
            #expect(refused.status == 1 && !refused.text.contains("sk_wrong"), "\(refused.text)")
        }
    }
}
