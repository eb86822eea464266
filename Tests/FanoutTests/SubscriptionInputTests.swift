import CausewayCore
import OutboundHTTP
import Testing

@testable import Fanout

@Suite("Members of a subscription")
struct SubscriptionInputTests {
    private let input = SubscriptionInput(egress: .publicOnly)

    private func mistakes(_ body: JSONValue) -> [MemberMistake] {
        do {
            _ = try input.terms(from: body)
            return []
        } catch .invalid(let mistakes) {
            return mistakes
        } catch {
            return [MemberMistake("", "\(error)", "")]
        }
    }

    private func with(_ name: String, _ value: JSONValue) -> JSONValue {
        .object(["url": "https://team.example/hook"].merging([name: value]) { $1 })
    }

    @Test("only the URL is needed; the rest has defaults")
    func defaults() throws {
        let terms = try input.terms(from: ["url": "https://team.example/hook"])
        #expect(terms.events == nil)
        #expect(terms.filter == .everything)
        #expect(terms.maxInFlight == 10)
        #expect(terms.headers.isEmpty)
        #expect(terms.retrySchedule == nil)
        #expect(terms.secrets.count == 1)
    }

    @Test("the example with every member is taken")
    func everything() throws {
        let secret = SigningSecret.random().text.reveal()
        let terms = try input.terms(from: [
            "url": "https://team.example/hooks", "events": ["export.completed"], "description": "Finance",
            "filter": ["report": ["vrc_1", "vrc_1"], "report_type": [], "source": ["api"], "object": []],
            "format": "standard", "headers": ["X-Team": "finance"], "max_in_flight": 10, "rate_per_second": nil,
            "ordering": "none", "retry_schedule": nil, "signatures": ["v1"], "secret": .string(secret),
        ])
        #expect(terms.filter == SubscriptionFilter([.report: ["vrc_1"], .source: ["api"]]))
        #expect(terms.headers == ["X-Team": "finance"])
        #expect(terms.secrets[0].text.reveal() == secret)
    }

    @Test("schedules come as the setting's text, as its parts, or in seconds")
    func schedules() throws {
        let expected = RetrySchedule([.seconds(5), .seconds(120)])
        for value in ["5s,2m", ["5s", "2m"], [5, 120], "5s, 2m"] as [JSONValue] {
            #expect(try input.terms(from: with("retry_schedule", value)).retrySchedule == expected)
        }
        #expect(try input.terms(from: with("retry_schedule", [])).retrySchedule == RetrySchedule([]))
        for value in ["5", "soon", [-1], ["8d"], 5, ["5s", nil]] as [JSONValue] {
            #expect(mistakes(with("retry_schedule", value)).map(\.code) == ["invalid_schedule"])
        }
    }

    @Test(
        "a wrong value is refused by its member's name",
        arguments: [
            ("url", 7, "invalid_type"), ("events", [], "invalid_type"),
            ("events", ["export.complete"], "unknown_event_type"), ("events", "export.completed", "invalid_type"),
            ("events", ["subscription.test"], "unknown_event_type"), ("description", 1, "invalid_type"),
            ("filter", ["vrc_1"], "invalid_type"), ("format", "xml", "invalid_enum"),
            ("headers", ["a"], "invalid_type"), ("max_in_flight", 0, "out_of_range"),
            ("max_in_flight", 501, "out_of_range"), ("max_in_flight", "10", "out_of_range"),
            ("rate_per_second", 0, "out_of_range"), ("rate_per_second", 1001, "out_of_range"),
            ("rate_per_second", "5", "out_of_range"),
            ("ordering", "random", "invalid_enum"), ("signatures", ["v1a"], "invalid_enum"),
            ("signatures", ["v2"], "invalid_enum"),
            ("secret", "whsec_c2hvcnQ=", "invalid_secret"), ("secret", "AAAA", "invalid_secret"),
            ("enabled", true, "unknown_field"), ("event", ["export.completed"], "unknown_field"),
        ] as [(String, JSONValue, String)])
    func wrongValues(name: String, value: JSONValue, code: String) {
        let mistakes = mistakes(with(name, value))
        #expect(mistakes.map(\.field) == [name])
        #expect(mistakes.map(\.code) == [code])
        #expect(mistakes.allSatisfy { !$0.detail.isEmpty })
    }

    @Test("all that is wrong is told at once")
    func together() {
        let mistakes = mistakes([
            "events": ["x"], "headers": ["Host": "a", "Webhook-Id": "b", "X Y": "c", "X-Ok": "d\nInjected: e"],
            "filter": ["source": ["mars"], "team": []],
        ])
        #expect(
            Set(mistakes.map { "\($0.field) \($0.code)" }) == [
                "url required", "events unknown_event_type", "headers.Host reserved_header",
                "headers.Webhook-Id reserved_header", "headers.X Y invalid_header", "headers.X-Ok invalid_header",
                "filter.source invalid_enum", "filter.team unknown_field",
            ])
    }

    @Test("a filter that no chosen event can meet is refused")
    func neverMatches() throws {
        func body(_ events: JSONValue, _ filter: JSONValue) -> JSONValue {
            ["url": "https://team.example/", "events": events, "filter": filter]
        }
        #expect(mistakes(body(nil, ["report": ["vrc_1"], "object": ["leads"]])).map(\.code) == ["never_matches"])
        #expect(mistakes(body(["import.completed"], ["report": ["vrc_1"]])).map(\.code) == ["never_matches"])
        #expect(mistakes(body(["import.completed", "export.failed"], ["report": ["vrc_1"]])).isEmpty)
    }

    @Test(
        "URLs that can never be sent to are refused",
        arguments: [
            ("", "invalid_url"), ("team.example/hook", "invalid_url"), ("ftp://team.example/", "invalid_url"),
            ("https://", "invalid_url"), ("http://team.example:0/", "invalid_url"),
            ("https://team.example/#x", "invalid_url"), ("https://team.example/a b", "invalid_url"),
            ("https://team.example/\u{e4}", "invalid_url"),
            ("https://user@team.example/", "credentials_in_url"),
            ("https://user:secret@team.example/", "credentials_in_url"),
        ])
    func badURLs(url: String, code: String) {
        #expect(mistakes(["url": .string(url)]).map(\.code) == [code])
    }

    @Test(
        "an address that the egress policy refuses names the setting that opens it",
        arguments: [
            "http://127.0.0.1:9000/", "http://10.1.2.3/", "http://[::1]/", "http://0x7f.1/", "http://2130706433/",
            "http://[::ffff:192.168.0.1]/", "http://localhost:8080/", "http://api.localhost/",
        ])
    func privateAddresses(url: String) {
        let mistakes = mistakes(["url": .string(url)])
        #expect(mistakes.map(\.code) == ["egress_denied"])
        #expect(mistakes[0].detail.contains("deliveries.allow_networks"))
    }

    @Test("an allowed network opens its addresses, but never the metadata services")
    func allowed() throws {
        let input = SubscriptionInput(
            egress: EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8", "169.254.0.0/16"])))
        #expect(try input.terms(from: ["url": "http://127.0.0.1:9000/"]).url == "http://127.0.0.1:9000/")
        #expect(throws: FanoutError.self) { try input.terms(from: ["url": "http://169.254.169.254/"]) }
    }

    @Test("a port that is not open is refused, and the setting named")
    func ports() throws {
        let input = SubscriptionInput(egress: EgressPolicy(allowing: .none, ports: [443, 8443]))
        for url in ["https://team.example/", "http://team.example:8443/"] {
            #expect(try input.terms(from: ["url": .string(url)]).url == url)
        }
        do {
            _ = try input.terms(from: ["url": "http://team.example/"])
            Issue.record("was taken")
        } catch {
            #expect("\(error)".contains("deliveries.allow_ports"))
        }
    }

    @Test("a change leaves absent members, and null puts the default back")
    func change() throws {
        let before = try input.terms(from: [
            "url": "https://team.example/", "description": "x", "max_in_flight": 3, "retry_schedule": "1s",
        ])
        let (after, enabled) = try input.change(
            before, enabled: true, by: ["description": nil, "retry_schedule": nil, "enabled": false])
        #expect(after.description == nil)
        #expect(after.retrySchedule == nil)
        #expect(after.maxInFlight == 3)
        #expect(after.secrets == before.secrets)
        #expect(!enabled)
    }
}
