import CausewayCore
import Testing
import VendorSimulator

/// What goes wrong on purpose, seen from outside.
@Suite struct FaultTests {
    @Test("An answer is dropped after the request was taken: no answer, but the export exists")
    func droppedAnswer() async throws {
        try await World.with { world async throws in
            try await world.fault(["kind": "drop_answer", "route": "trigger", "count": 1])
            #expect(try await world.trigger().exit == 52)
            #expect(try await world.open("/simulator/exports").data?.array?.count == 1)
            #expect(try await world.trigger().status == 429)
        }
    }

    @Test("A connection closed before or in the body takes nothing", arguments: ["close_before_body", "close_in_body"])
    func closed(kind: String) async throws {
        try await World.with { world async throws in
            try await world.fault(["kind": .string(kind), "route": "import", "count": 1])
            #expect(try await world.upload("customers", "email\na@b.co\n").status == 0)
            #expect(try await world.open("/simulator/imports").data == [])
            #expect(try await world.upload("customers", "email\na@b.co\n").status == 200)
        }
    }

    @Test("A status strikes as often as it is told, before or after the call was acted upon")
    func statuses() async throws {
        try await World.with { world async throws in
            try await world.fault(["kind": "status", "route": "trigger", "status": 503, "count": 2, "retry_after": 7])
            for _ in 1...2 {
                let answer = try await world.trigger()
                #expect(answer.status == 503)
                #expect(answer.headers.lowercased().contains("retry-after: 7"))
            }
            #expect(try await world.trigger().status == 200)
            try await world.fault(["kind": "status", "route": "trigger", "status": 502, "count": 1, "processed": true])
            #expect(try await world.trigger("vrc_123457").status == 502)
            #expect(try await world.trigger("vrc_123457").status == 429)
        }
    }

    @Test("429 for too many requests comes with Retry-After or without")
    func rateLimited() async throws {
        try await World.with { world async throws in
            try await world.fault(["kind": "rate_limited", "count": 1, "retry_after": 3])
            try await world.fault(["kind": "rate_limited", "count": 1])
            #expect(try await world.call("/api/v2/webhooks").headers.lowercased().contains("retry-after: 3"))
            let second = try await world.call("/api/v2/webhooks")
            #expect(second.status == 429)
            #expect(second.headers.lowercased().contains("retry-after") == false)
        }
    }

    @Test("Bodies are not JSON, cut off as JSON, cut off as HTTP, or without data")
    func garbled() async throws {
        try await World.with { world async throws in
            for kind in ["not_json", "truncated_json", "cut_answer", "no_data"] {
                try await world.fault(["kind": .string(kind), "count": 1])
                let answer = try await world.call("/api/v2/webhooks")
                #expect(answer.status == 200)
                switch kind {
                case "cut_answer": #expect(answer.exit == 18)
                case "no_data": #expect(answer.data == nil && answer.message == "Webhooks retrieved")
                default: #expect(answer.exit == 0 && answer.json == .null && !answer.body.isEmpty)
                }
            }
        }
    }

    @Test("An answer is late by as much as it is told")
    func delayed() async throws {
        let time = ManualTime()
        try await World.with(time: time) { world async throws in
            try await world.fault(["kind": "delay", "delay_ms": 5000, "count": 1])
            async let answer = world.call("/api/v2/webhooks")
            await time.isAwaited(at: time.now() + .seconds(5))
            time.advance(by: .seconds(5))
            let late = try await answer
            #expect(late.status == 200)
        }
    }

    @Test("A download breaks off after the bytes it is told, or finds its link dead")
    func downloads() async throws {
        try await World.with { world async throws in
            let url = try await world.finished().link()
            try await world.fault(["kind": "truncated_download", "after_bytes": 100, "count": 1])
            let broken = try await world.open(url)
            #expect(broken.exit == 18)
            #expect(broken.body.count == 100)
            try await world.fault(["kind": "link_expired", "count": 1])
            #expect(try await world.open(url).status == 403)
            #expect(try await world.open(url).status == 200)
        }
    }

    @Test("Webhooks are doubled or lost")
    func doubledAndLost() async throws {
        try await World.with { world async throws in
            try await HookReceiver.with { receiver async throws in
                _ = try await world.subscribe(receiver.url)
                try await world.fault(["kind": "webhook_doubled", "route": "webhook.direct", "count": 1])
                try await world.fault(["kind": "webhook_lost", "route": "webhook.account", "count": 1])
                _ = try await world.trigger(["webhook_target_url": .string(receiver.url)])
                _ = try await world.open("/simulator/webhooks?state=delivered&count=2&wait=60")
                #expect(receiver.received.count == 2)
                #expect(receiver.received[0].body == receiver.received[1].body)
                #expect(try await world.open("/simulator/webhooks?state=lost").data?.array?.count == 1)
            }
        }
    }

    @Test("A webhook comes after the one that should have followed it")
    func reordered() async throws {
        try await World.with(.quick { $0.hold = true }) { world async throws in
            try await HookReceiver.with { receiver async throws in
                try await world.fault(["kind": "webhook_reordered", "count": 1, "delay_ms": 20_000])
                var keys: [String] = []
                for report in ["vrc_123456", "vrc_123457"] {
                    let members: [String: JSONValue] = ["webhook_target_url": .string(receiver.url)]
                    let key = try await world.trigger(report, members).data?["key"]?.string ?? ""
                    _ = try await world.open("/simulator/exports/\(key)/complete", "-X", "POST")
                    keys.append(key)
                }
                _ = try await world.open("/simulator/webhooks?state=delivered&count=2&wait=60")
                #expect(receiver.received.compactMap { $0.body["key"]?.string } == keys.reversed())
            }
        }
    }

    @Test("A webhook says success while the vendor still says queued")
    func early() async throws {
        try await World.with(.quick { $0.hold = true }) { world async throws in
            try await HookReceiver.with { receiver async throws in
                try await world.fault(["kind": "webhook_early", "count": 1])
                let key =
                    try await world.trigger(["webhook_target_url": .string(receiver.url)]).data?["key"]?.string ?? ""
                _ = try await world.open("/simulator/webhooks?state=delivered&wait=60")
                let lie = try #require(receiver.received.first?.body)
                #expect(lie["status"] == "success")
                #expect(try await world.status(key).data?["status"] == "queued")
                #expect(try await world.open(lie.link()).status == 404)
            }
        }
    }

    @Test("A fault lets the first ones pass, is listed with its use, and can be taken back")
    func bookkeeping() async throws {
        try await World.with { world async throws in
            try await world.fault(["kind": "status", "route": "webhooks", "skip": 1])
            #expect(try await world.call("/api/v2/webhooks").status == 200)
            #expect(try await world.call("/api/v2/webhooks").status == 500)
            let fault = try await world.open("/simulator/faults").data?.array?.first
            #expect(fault?["used"] == 1)
            _ = try await world.open("/simulator/faults/\(fault?["id"]?.string ?? "")", "-X", "DELETE")
            #expect(try await world.call("/api/v2/webhooks").status == 200)
        }
    }

    @Test(
        "A fault that cannot be read is refused with words",
        arguments: ["{\"kind\":\"x\"}", "{\"kind\":\"delay\",\"coutn\":1}", "{\"kind\":\"status\",\"status\":9}", "[]"])
    func badFaults(body: String) async throws {
        try await World.with { world async throws in
            let answer = try await world.open("/simulator/faults", "-d", body)
            #expect(answer.status == 400)
            #expect(answer.json["error"]?.string != nil)
        }
    }

    @Test("A fault is read from the command line's text")
    func text() throws {
        let fault = try Fault(parsing: "status,route=export,status=503,count=3,probability=0.5,delay=3s,processed")
        var expected = Fault(.status, route: "export", count: 3)
        expected.status = 503
        expected.probability = 0.5
        expected.delay = .seconds(3)
        expected.processed = true
        #expect(fault == expected)
        #expect(throws: FaultError.self) { try Fault(parsing: "status,count=many") }
        #expect(throws: FaultError.self) { try Fault(parsing: "") }
    }
}
