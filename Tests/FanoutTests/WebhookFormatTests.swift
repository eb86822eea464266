import CausewayCore
import Events
import Fanout
import Storage
import Support
import Testing

@Suite("Formats of webhooks", .onEveryEngine, .timeLimit(.minutes(9)))
struct WebhookFormatTests {
    private func arrived(_ format: String, data: JSONValue, vendor: String? = nil) async throws -> Sink.Request {
        let house = try await FanoutHouse()
        var request: Sink.Request?
        try await Sink.run { sink in
            let subscription = try await house.subscribe(["url": .string(sink.url), "format": .string(format)])
            try await house.running(house.engine()) {
                try await house.publish(
                    "export.completed", "exp_1", attributes: vendor.map { ["vendor_entity": $0] } ?? [:], data: data)
                try await house.until { try await house.only().state == .delivered }
            }
            request = sink.requests.first
            try request?.verify(with: subscription.secret?.reveal() ?? "", now: house.time.now())
        }
        return try #require(request)
    }

    @Test("`vendor` sends the vendor's envelope with its entity as it was told")
    func vendor() async throws {
        let entity = #"{"key":"vrex_1","files":[{"url":"https://files.example/a.csv?sig=1"}],"new_member":7}"#
        let request = try await arrived("vendor", data: ["id": "exp_1"], vendor: entity)
        #expect(request["content-type"] == "application/json")
        #expect(
            String(decoding: request.body, as: UTF8.self)
                == #"{"event":"vendor_report_export.completed","data":\#(entity)}"#)
    }

    @Test("`cloudevents` sends CloudEvents 1.0 as structured JSON")
    func cloudEvents() async throws {
        let request = try await arrived("cloudevents", data: ["id": "exp_1", "name": "Zoë"])
        #expect(request["content-type"] == "application/cloudevents+json")
        let body = try JSONValue(parsing: String(decoding: request.body, as: UTF8.self))
        #expect(
            body == [
                "specversion": "1.0", "id": .string(try #require(request.id)), "source": "/causeway",
                "type": "export.completed", "subject": "exp_1", "time": "2023-11-14T22:13:20.000Z",
                "datacontenttype": "application/json", "data": ["id": "exp_1", "name": "Zoë"],
            ])
    }

    @Test("what a proxy that is not there is to blame for is not charged to the endpoint")
    func proxy() async throws {
        let lines = LogLines()
        let house = try await FanoutHouse(logging: lines, proxy: "http://127.0.0.1:9")
        for url in ["http://127.0.0.1:8/", "https://localhost/"] {
            _ = try await house.subscribe(["url": .string(url)])
        }
        try await house.running(house.engine()) {
            try await house.publish()
            try await house.until {
                lines.all.count { $0.metadata["reason"]?.contains("proxy") == true } >= 2
            }
        }
        #expect(try await house.all().allSatisfy { $0.state == .pending && $0.attemptCount == 0 })
    }

    @Test("`vendor` takes export.completed alone, and says so")
    func vendorEvents() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(["url": "https://team.example/", "format": "vendor"])
        #expect(made.json["events"] == ["export.completed"])
        for body in [
            ["url": "https://team.example/", "format": "vendor", "events": ["export.failed"]],
            ["url": "https://team.example/", "format": "vendor", "events": ["export.completed", "export.failed"]],
        ] as [JSONValue] {
            do {
                _ = try await house.subscribe(body)
                Issue.record("was taken")
            } catch FanoutError.invalid(let mistakes) {
                #expect(mistakes.map(\.field) == ["events"])
                #expect(mistakes[0].detail.contains("export.completed"))
            }
        }
        await #expect(throws: FanoutError.self) {
            _ = try await house.subscriptions.update(made.id, ["events": ["import.failed"]]) { _, _ in }
        }
        let back = try await house.subscriptions.update(made.id, ["format": "standard", "events": nil]) { _, _ in }
        #expect(back.terms.events == nil)
    }
}
