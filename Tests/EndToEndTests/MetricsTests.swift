import CausewayCore
import Foundation
import Support
import Testing

@Suite("GET /metrics")
struct MetricsTests {
    /// One sample of the page, as Prometheus' own parser read it.
    private struct Sample {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    /// Reads a page with the parser of `prometheus_client`, which also judges names and units.
    private func parsed(_ page: String, in stage: Stage) throws -> [Sample] {
        let script = #"""
            import json, sys
            from prometheus_client.parser import text_string_to_metric_families
            seen, samples = set(), []
            for family in text_string_to_metric_families(open(sys.argv[1]).read()):
                assert family.name not in seen, family.name + " stands there twice"
                seen.add(family.name)
                assert family.documentation and family.type in ("counter", "gauge", "histogram"), family.name
                assert not family.name.endswith(("_ms", "_milliseconds", "_kb", "_mb")), family.name
                for sample in family.samples:
                    if family.type == "counter": assert sample.name.endswith("_total"), sample.name
                    samples.append([sample.name, sample.labels, sample.value])
            print(json.dumps(samples))
            """#
        let file = stage.directory.file("metrics.txt")
        try Data(page.utf8).write(to: URL(filePath: file))
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: ".build/python/bin/python")
        process.arguments = ["-c", script, file]
        process.standardOutput = output
        try process.start()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        #expect(process.terminationStatus == 0)
        return try #require(try JSONValue(parsing: data).array).map { sample in
            let value: Double =
                switch sample.array?[2] {
                case .number(let number)?: number
                case .integer(let number)?: Double(number)
                default: .nan
                }
            return Sample(
                name: sample.array?[0].string ?? "",
                labels: (sample.array?[1].object ?? [:]).compactMapValues(\.string), value: value)
        }
    }

    private func value(_ samples: [Sample], _ name: String, _ labels: [String: String] = [:]) -> Double? {
        samples.first { sample in
            sample.name == name && labels.allSatisfy { sample.labels[$0.key] == $0.value }
        }?.value
    }

    @Test("tells what was done and how things stand, in the words of Prometheus, and no secret")
    func page() async throws {
        try await Stage.run(simulator: ["--hold"]) { stage in
            let gateway = stage.gateway
            let subscriber = try await stage.subscribe("one")
            let id = try await gateway.requestExport()
            _ = try await gateway.requestExport()
            try await stage.simulator.complete(try await stage.simulator.exports(1)[0])
            #expect(try await gateway.ended(id)["status"] == "success")
            _ = try await subscriber.endpoint.received(1)
            try await gateway.logged("delivery attempt", ["state": "delivered"])
            for path in ["/nothing/here", "/v1/exports/guess", "/v1/exports/\(id)", "/v1/exports/\(id)"] {
                _ = try await gateway.get(path)
            }
            let answer = try await Curl.run([gateway.url + "/metrics"])
            #expect(answer.status == 200)
            #expect(answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8")
            let samples = try parsed(answer.text, in: stage)
            #expect(value(samples, "causeway_build_info", ["version": ProductVersion.text]) == 1)
            #expect(value(samples, "causeway_storage_up") == 1)
            #expect(value(samples, "causeway_exports_triggers_total") == 1)
            #expect(value(samples, "causeway_exports_coalesced_total") == 1)
            #expect(value(samples, "causeway_exports_ended_total", ["status": "success"]) == 1)
            #expect(value(samples, "causeway_exports", ["status": "queued"]) == 0)
            for channel in ["webhook", "event", "poll"] {
                #expect(value(samples, "causeway_exports_completions_missed_total", ["channel": channel]) == 0)
                #expect(value(samples, "causeway_exports_completions_seen_total", ["channel": channel]) == 0)
            }
            #expect(value(samples, "causeway_vendor_calls_total", ["route": "trigger", "status": "200"]) == 1)
            let attempted = ["state": "delivered", "result": "2xx"]
            #expect(value(samples, "causeway_delivery_attempts_total", attempted) == 1)
            #expect(value(samples, "causeway_deliveries", ["state": "pending"]) == 0)
            #expect(value(samples, "causeway_deliveries_oldest_due_seconds") == 0)
            #expect(value(samples, "causeway_imports", ["state": "needs_attention"]) == 0)
            #expect(value(samples, "causeway_work_items", ["kind": "export.trigger", "state": "buried"]) == 0)
            #expect((value(samples, "causeway_storage_commits_total") ?? 0) > 0)
            #expect((value(samples, "process_resident_memory_bytes") ?? 0) > 1_000_000)

            // Paths are templates, whatever is asked for.
            let shown = ["method": "GET", "route": "/v1/exports/{id}"]
            #expect(value(samples, "causeway_http_requests_total", shown.merging(["status": "200"]) { $1 }) == 3)
            #expect(value(samples, "causeway_http_requests_total", shown.merging(["status": "404"]) { $1 }) == 1)
            // The one that asked to wait says nothing of how fast answers are.
            #expect(value(samples, "causeway_http_request_duration_seconds_count", shown) == 3)
            let routes = Set(samples.compactMap { $0.labels["route"] })
            #expect(!routes.contains { $0.contains("exp_") || $0.contains("guess") || $0.contains("nothing") })

            let token = try #require(
                try await stage.simulator.get("/simulator/state")["subscriptions"]?.array?.first?["target_url"]?.string?
                    .split(separator: "/").last.map(String.init))
            for secret in ["sk_test", "pk_test", GatewayProcess.adminKey, "whsec_", token, "@example.com", "vrc_", id] {
                #expect(!answer.text.contains(secret), "\(secret)")
            }
        }
    }

    @Test("asks for metrics.key where it is set")
    func closed() async throws {
        try await Stage.run(settings: ["CAUSEWAY_METRICS_KEY": "key-of-the-scraper"]) { stage async throws in
            let url = stage.gateway.url + "/metrics"
            #expect(try await Curl.run([url]).status == 401)
            #expect(try await stage.gateway.get("/metrics").status == 401)
            #expect(try await Curl.run(["-H", "Authorization: Bearer key-of-the-scraper", url]).status == 200)
            #expect(try await Curl.run(["-u", "prometheus:key-of-the-scraper", url]).status == 200)
        }
    }

    @Test("asks the database no more than once in some seconds")
    func cached() async throws {
        try await Stage.run { stage in
            // From here on nothing changes by itself.
            try await stage.gateway.logged("the account's webhook was registered")
            let page = try await Curl.run([stage.gateway.url + "/metrics"])
            let work = page.text.split(separator: "\n").filter { $0.hasPrefix("causeway_work_items") }
            // Nothing is asked of the database again for the next page.
            let again = try await Curl.run([stage.gateway.url + "/metrics"])
            #expect(work == again.text.split(separator: "\n").filter { $0.hasPrefix("causeway_work_items") })
            #expect(!work.isEmpty)
        }
    }
}
