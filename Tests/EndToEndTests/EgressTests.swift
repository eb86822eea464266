import CausewayCore
import Foundation
import Support
import Testing

@Suite("Private addresses stay shut until a setting opens them", .serialized)
struct EgressTests {
    /// A name of this machine that stands for a private address, other than localhost; nil where there is none.
    static let privateName: String? = {
        let hosts = (try? String(contentsOfFile: "/etc/hosts", encoding: .utf8)) ?? ""
        for line in hosts.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
            let words = line.split(whereSeparator: \.isWhitespace)
            guard let address = words.first, ["127.", "10.", "172.", "192.168."].contains(where: address.hasPrefix)
            else { continue }
            if let name = words.dropFirst().first(where: { !$0.hasPrefix("localhost") }) { return String(name) }
        }
        return nil
    }()

    @Test("A subscription to a private address is refused, and the answer names the setting", .timeLimit(.minutes(9)))
    func literalAddress() async throws {
        try await Stage.run(settings: ["CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": ""]) { stage in
            let inside = [
                "http://127.0.0.1:9/hook", "http://localhost:9/hook", "http://10.1.2.3/hook", "http://[::1]:9/hook",
                "http://2130706433/hook",
            ]
            for url in inside {
                let answer = try await stage.gateway.post("/v1/subscriptions", ["url": .string(url)])
                #expect(answer.status == 422, "\(url): \(answer.text)")
                #expect(answer.header("Content-Type")?.hasPrefix("application/problem+json") == true)
                let error = answer["errors"]?.array?.first
                #expect(error?["field"] == "url")
                #expect(error?["code"] == "egress_denied", "\(url)")
                #expect(error?["detail"]?.string?.contains("deliveries.allow_networks") == true, "\(url)")
            }
        }
    }

    @Test(
        "A name that stands for a private address is refused when connecting, on record", .timeLimit(.minutes(9)),
        .enabled(if: EgressTests.privateName != nil, "no such name in /etc/hosts"))
    func resolvedName() async throws {
        let name = try #require(Self.privateName)
        try await Stage.run(
            simulator: ["--export-duration", "10ms"],
            settings: ["CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": "", "CAUSEWAY_DELIVERIES_RETRY_SCHEDULE": "1h"]
        ) { stage in
            let made = try await stage.gateway.post(
                "/v1/subscriptions", ["url": .string("http://\(name):\(try FreePort.any())/hook")])
            #expect(made.status == 201)
            let id = try #require(made["id"]?.string)
            _ = try await stage.gateway.ended(try await stage.gateway.requestExport())
            try await stage.gateway.logged("delivery attempt", ["subscription": id, "error": "egress_denied"])
            let deliveries = try await stage.gateway.get("/v1/deliveries?subscription=\(id)").data
            let delivery = try await stage.gateway.get("/v1/deliveries/\(deliveries.first?["id"]?.string ?? "")")
            let attempt = try #require(delivery["attempts"]?.array?.first)
            #expect(attempt["error"] == "egress_denied")
            #expect(attempt["status_code"] == .null)
        }
    }

    @Test("A download link into a private network is not followed", .timeLimit(.minutes(9)))
    func downloadLink() async throws {
        try await Stage.run(
            simulator: ["--export-duration", "10ms"], settings: ["CAUSEWAY_VENDOR_ALLOW_NETWORKS": ""]
        ) { stage in
            let export = try await stage.gateway.ended(try await stage.gateway.requestExport())
            let url = try #require(export["files"]?.array?.first?["url"]?.string)
            let answer = try await Curl.run(["-u", ":\(GatewayProcess.adminKey)", url])
            #expect(answer.status == 502)
            #expect(answer["code"] == "vendor_unavailable")
        }
    }
}
