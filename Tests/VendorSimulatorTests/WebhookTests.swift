import CausewayCore
import Support
import Testing
import VendorSimulator

/// The guide's options A and B: webhooks received on a real socket.
@Suite struct WebhookTests {
    @Test("A success is posted to webhook_target_url as the bare entity, as JSON, without credentials")
    func direct() async throws {
        try await World.with { world async throws in
            try await HookReceiver.with { receiver async throws in
                let key = try await world.trigger(["webhook_target_url": .string(receiver.url)]).data?["key"]?.string
                let sent = try await world.open("/simulator/webhooks?channel=direct&state=delivered&wait=60").data
                #expect(sent?.array?.first?["attempts"]?.array?.first?["status"] == 200)
                let received = try #require(receiver.received.first)
                #expect(received.contentType == "application/json")
                #expect(received.authorization == nil)
                #expect(received.body["key"]?.string == key)
                #expect(received.body["status"] == "success")
                #expect(try await world.status(key ?? "").data == received.body)
            }
        }
    }

    @Test("A failure is posted to nobody")
    func failure() async throws {
        try await World.with(.quick { $0.failRate = 1 }) { world async throws in
            try await HookReceiver.with { receiver async throws in
                _ = try await world.subscribe(receiver.url)
                _ = try await world.trigger(["webhook_target_url": .string(receiver.url)])
                _ = try await world.open("/simulator/exports?status=failure&wait=60")
                #expect(try await world.state()["webhooks"] == [])
            }
        }
    }

    @Test("Retries come 10, 20 and 30 s after answers that are not 2xx, and the third is the last")
    func retries() async throws {
        let time = ManualTime()
        try await World.with(.quick { $0.hold = true }, time: time) { world async throws in
            try await HookReceiver.with([500, 302, 404, 503]) { receiver async throws in
                let key = try await world.trigger(["webhook_target_url": .string(receiver.url)]).data?["key"]?.string
                let start = time.now()
                _ = try await world.open("/simulator/exports/\(key ?? "")/complete", "-X", "POST")
                var due = start
                for wait in [10, 20, 30] {
                    due = due + .seconds(wait)
                    await time.isAwaited(at: due)
                    time.advance(by: .seconds(wait))
                }
                let post = try await world.open("/simulator/webhooks?state=failed&wait=60").data?.array?.first
                let attempts = try #require(post?["attempts"]?.array)
                #expect(attempts.map { $0["status"] } == [500, 302, 404, 503])
                let times = attempts.compactMap { $0["at"]?.integer }
                #expect(times.map { $0 - start.milliseconds } == [0, 10_000, 30_000, 60_000])
                #expect(receiver.received.count == 4)
            }
        }
    }

    @Test("An endpoint that does not answer in time is given up for that attempt", .inRealTime)
    func timeout() async throws {
        let options = SimulatorOptions.quick {
            $0.webhookTimeout = RealTime.limit
            $0.webhookRetries = [.milliseconds(10)]
        }
        try await World.with(options) { world async throws in
            try await HookReceiver.with([0]) { receiver async throws in
                _ = try await world.trigger(["webhook_target_url": .string(receiver.url)])
                let post = try await world.open("/simulator/webhooks?state=delivered&wait=60").data?.array?.first
                #expect(post?["attempts"]?.array?.first?["error"]?.string?.hasPrefix("no answer within") == true)
                #expect(post?["attempts"]?.array?.last?["status"] == 200)
            }
        }
    }

    @Test("A closed port is a failed attempt, not the end")
    func refusedConnection() async throws {
        try await World.with(.quick { $0.webhookRetries = [.milliseconds(1)] }) { world async throws in
            _ = try await world.trigger(["webhook_target_url": "http://127.0.0.1:1/"])
            let post = try await world.open("/simulator/webhooks?state=failed&wait=60").data?.array?.first
            #expect(post?["attempts"]?.array?.count == 2)
        }
    }

    @Test(
        "The account's subscription hears of all successes, whatever their source, in the envelope",
        arguments: ["api", "in_app", "scheduled"])
    func account(source: String) async throws {
        try await World.with { world async throws in
            try await HookReceiver.with { receiver async throws in
                _ = try await world.subscribe(receiver.url)
                _ = try await world.open("/simulator/exports", "-d", "{\"source\":\"\(source)\"}")
                _ = try await world.open("/simulator/webhooks?channel=account&state=delivered&wait=60")
                let body = try #require(receiver.received.first?.body)
                #expect(body["event"] == "vendor_report_export.completed")
                #expect(body["data"]?["status"] == "success")
                #expect(body["data"]?["source"]?.string == source)
                #expect(body.object?.count == 2)
            }
        }
    }

    @Test("A scheduled export posts to its own webhook URL as well")
    func scheduled() async throws {
        try await World.with { world async throws in
            try await HookReceiver.with { receiver async throws in
                let body: JSONValue = ["source": "scheduled", "webhook_target_url": .string(receiver.url)]
                _ = try await world.open("/simulator/exports", "-d", body.text)
                _ = try await world.open("/simulator/webhooks?channel=direct&state=delivered&wait=60")
                #expect(receiver.received.first?.body["source"] == "scheduled")
            }
        }
    }

    @Test("Subscriptions are made, listed, shown, changed and deleted")
    func subscriptions() async throws {
        try await World.with { world async throws in
            let made = try await world.subscribe("http://127.0.0.1:9/a")
            #expect(made.status == 200)
            let key = try #require(made.data?["key"]?.string)
            #expect(made.data?["event"] == "vendor_report_export.completed")
            #expect(made.data?["target_url"] == "http://127.0.0.1:9/a")
            _ = try await world.subscribe("http://127.0.0.1:9/b")
            let list = try await world.call("/api/v2/webhooks?limit=1").data
            #expect(list?["items"]?.array?.first?["key"]?.string == key)
            #expect(list?["has_more"] == true)
            let rest = try await world.call("/api/v2/webhooks?starting_after=\(key)").data
            #expect(rest?["items"]?.array?.map { $0["target_url"] } == ["http://127.0.0.1:9/b"])
            #expect(rest?["has_more"] == false)
            let path = "/api/v2/webhooks/\(key)"
            let changed = try await world.call(
                path, "-X", "PATCH", "-H", "content-type: application/json", "-d",
                "{\"target_url\":\"http://127.0.0.1:9/c\"}")
            #expect(changed.data?["target_url"] == "http://127.0.0.1:9/c")
            #expect(try await world.call(path).data == changed.data)
            #expect(try await world.call(path, "-X", "DELETE").status == 200)
            #expect(try await world.call(path).status == 404)
        }
    }

    @Test("A subscription without target or event is 400; the member of the event can be events")
    func badSubscriptions() async throws {
        try await World.with(.quick { $0.subscriptionEventMember = "events" }) { world async throws in
            #expect(try await world.subscribe("http://127.0.0.1:9/").status == 400)
            let made = try await world.post(
                "/api/v2/webhooks",
                ["target_url": "http://127.0.0.1:9/", "events": ["vendor_report_export.completed"]])
            #expect(made.data?["events"] == ["vendor_report_export.completed"])
            #expect(try await world.post("/api/v2/webhooks", ["events": ["x"]]).status == 400)
            #expect(try await world.post("/api/v2/webhooks", ["target_url": "ftp://x", "events": ["x"]]).status == 400)
        }
    }
}

extension World {
    func subscribe(_ url: String) async throws -> Curl {
        try await post("/api/v2/webhooks", ["target_url": .string(url), "event": "vendor_report_export.completed"])
    }
}
