import CausewayCore
import Foundation
import Testing

@Suite("The main road, from curl to curl")
struct MainRoadTests {
    @Test(
        "An export asked for once is told once to each subscriber, whichever way its end was learnt",
        .timeLimit(.minutes(9)))
    func wholeRoad() async throws {
        try await Stage.run(simulator: ["--hold"]) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            let failing = try await stage.subscribe("failing", answers: [.status(500), .status(503)])
            let steady = try await stage.subscribe("steady")

            // A key of its own for the caller, which may do no more than it needs.
            let made = try await gateway.post(
                "/v1/keys", ["name": "finance", "scopes": ["exports:read", "exports:write"]])
            #expect(made.status == 201)
            let key = try #require(made["key"]?.string)
            let asking =
                ["-u", ":\(key)", "-H", "Idempotency-Key: one", "-H", "X-Request-Id: main-road"]
                + Curl.json(["report": "vrc_123456", "metadata": ["team": "finance"]])
            let accepted = try await Curl.run(asking + [gateway.url + "/v1/exports"])
            #expect(accepted.status == 202)
            #expect(accepted.header("X-Request-Id") == "main-road")
            let id = try #require(accepted["id"]?.string)
            let repeated = try await Curl.run(asking + [gateway.url + "/v1/exports"])
            #expect(repeated.status == 202)
            #expect(repeated.header("Idempotency-Replayed") == "true")
            #expect(repeated["id"]?.string == id)
            let denied = try await gateway.get("/v1/subscriptions", key: key)
            #expect(denied.status == 403)

            // All three channels report the end, one of them twice.
            try await simulator.set(["kind": "webhook_doubled", "count": 1])
            let atVendor = try await simulator.exports(1)
            try await simulator.requests("export", 1)
            try await simulator.complete(atVendor[0])
            let export = try await gateway.ended(id)
            #expect(export["status"] == "success")
            #expect(export["requests"] == 1)
            #expect(export["vendor_key"] == atVendor[0]["key"])
            let channels = try await simulator.webhooks(delivered: 3).compactMap { $0["channel"]?.string }
            #expect(channels.sorted() == ["account", "direct", "direct"])

            // Once another's event has arrived, nothing is to come of the first.
            _ = try await failing.endpoint.received(3)
            let second = try await gateway.requestExport("vrc_123457")
            try await simulator.complete(try await simulator.exports(2)[1])
            #expect(try await gateway.ended(second)["status"] == "success")
            let events = try await steady.endpoint.events(2)
            #expect(try await failing.endpoint.events(2) == events)
            failing.expect(events: events)
            steady.expect(events: events)
            #expect(steady.endpoint.requests.value.count == 2)
            #expect(failing.endpoint.requests.value.count == 4)
            let first = try #require(steady.endpoint.requests.value.first { $0.json["data"]?["id"]?.string == id })
            #expect(first.json["type"] == "export.completed")
            func urls(_ export: JSONValue?) -> [JSONValue?]? { export?["files"]?.array?.map { $0["url"] } }
            #expect(urls(first.json["data"]) == urls(export))

            try await deliveriesAreOnRecord(stage, failing, event: first.id)
            try await fileIsTheVendors(stage, export)
            try await changesAreOnRecord(stage, id, key: made["id"])
            #expect(try await gateway.stop() == 0)
            #expect(gateway.log.contains("\"message\":\"stopped\""))
        }
    }

    private func deliveriesAreOnRecord(
        _ stage: Stage, _ failing: Stage.Subscription, event: String
    ) async throws {
        try await stage.gateway.logged(
            "delivery attempt", ["subscription": failing.id, "event": event, "state": "delivered"])
        let found = try await stage.gateway.get("/v1/deliveries?subscription=\(failing.id)&event=\(event)")
        let delivery = try #require(found.data.first)
        #expect(found.data.count == 1)
        #expect(delivery["state"] == "delivered")
        let whole = try await stage.gateway.get("/v1/deliveries/\(delivery["id"]?.string ?? "")")
        let attempts = whole["attempts"]?.array ?? []
        #expect(attempts.map { $0["number"] } == [1, 2, 3])
        #expect(attempts.map { $0["status_code"] } == [500, 503, 204])
    }

    private func fileIsTheVendors(_ stage: Stage, _ export: JSONValue) async throws {
        let file = try #require(export["files"]?.array?.first)
        let address = try #require(file["url"]?.string)
        #expect(address.hasPrefix(stage.gateway.url + "/v1/exports/"))
        let here = try await Curl.run(["-u", ":\(GatewayProcess.adminKey)", address])
        #expect(here.status == 200)
        let entity = try await stage.simulator.get("/simulator/exports/\(export["vendor_key"]?.string ?? "")").json
        let link = try #require(entity["files"]?.array?.first?["url"]?.string)
        let there = try await Curl.run([link])
        #expect(there.status == 200)
        #expect(here.body.count > 10_000)
        #expect(here.body == there.body)
        #expect(try await stage.simulator.get("/simulator/state")["credential_leaks"] == 0)
    }

    private func changesAreOnRecord(_ stage: Stage, _ export: String, key: JSONValue?) async throws {
        let audit = try await stage.gateway.get("/v1/audit")
        #expect(
            audit.data.compactMap { $0["action"]?.string } == [
                "export.request", "export.request", "key.create", "subscription.create", "subscription.create",
            ])
        let asked = try #require(audit.data.first { $0["resource"]?.string == export })
        #expect(asked["caller"] == key)
        #expect(asked["request_id"] == "main-road")
        #expect(asked["result"] == 202)
        #expect(asked["remote_address"] == "127.0.0.1")
    }
}
