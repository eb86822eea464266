import CausewayCore
import Support
import Testing

@Suite("What is wrong at the vendor has a clear state, a log line and an end", .serialized)
struct VendorFaultTests {
    struct Trouble: Sendable {
        let fault: JSONValue
        /// Of the export's `error` while it lasts.
        let code: JSONValue
        /// In the call's log line.
        let words: String
    }

    private static let atTrigger: [Trouble] = [
        Trouble(fault: ["kind": "status", "status": 503], code: "vendor_failing", words: "503: no message"),
        Trouble(fault: ["kind": "status", "status": 500, "processed": true], code: "vendor_failing", words: "500"),
        Trouble(
            fault: ["kind": "rate_limited", "message": "Too many requests", "retry_after": 1], code: "vendor_busy",
            words: "Too many requests"),
        Trouble(fault: ["kind": "not_json"], code: "outcome_unknown", words: "not JSON"),
        Trouble(fault: ["kind": "truncated_json"], code: "outcome_unknown", words: "not JSON"),
        Trouble(fault: ["kind": "no_data"], code: "outcome_unknown", words: "no export"),
        Trouble(fault: ["kind": "cut_answer"], code: "outcome_unknown", words: "receive"),
        Trouble(fault: ["kind": "drop_answer"], code: "outcome_unknown", words: "wait"),
        Trouble(fault: ["kind": "delay", "delay": "30s"], code: "outcome_unknown", words: "timeout"),
    ]

    @Test("A trigger that meets trouble is not lost, and makes one export", .timeLimit(.minutes(9)))
    func trigger() async throws {
        try await Stage.run(
            simulator: ["--hold", "--more-reports", "12"],
            settings: ["CAUSEWAY_VENDOR_CALL_TIMEOUT": "5s", "CAUSEWAY_POLLING_SLOW": "1h"]
        ) { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            for (index, trouble) in Self.atTrigger.enumerated() {
                var fault = trouble.fault.object ?? [:]
                fault["route"] = "trigger"
                try await simulator.set(.object(fault))
                let report = "vrc_2000\(index + 1 < 10 ? "0" : "")\(index + 1)"
                let id = try await gateway.requestExport(report)
                let inDoubt = try await gateway.export(id, "tells of \(fault)") { $0["error"]?["code"] == trouble.code }
                // It lasts until it was seen.
                try await simulator.clearFaults()
                #expect(inDoubt["status"] == "requested")
                let message = inDoubt["error"]?["message"]?.string ?? ""
                #expect(message.count > 20)
                let told = try await gateway.warned(of: id)["error"]?.string ?? ""
                #expect(told.contains(trouble.words), "\(told)")
                let atVendor = try await simulator.exports(index + 1)
                #expect(atVendor.count == index + 1)
                try await simulator.complete(atVendor[index])
                let export = try await gateway.ended(id)
                #expect(export["status"] == "success", "after \(fault)")
                #expect(export["error"] == .null)
            }
            #expect(try await simulator.exports(0).count == Self.atTrigger.count)
        }
    }

    @Test("A status call that meets trouble is made again", .timeLimit(.minutes(9)))
    func status() async throws {
        let faults: [(fault: [String: JSONValue], words: String)] = [
            (["kind": "status", "status": 503], "503"), (["kind": "not_json"], "not JSON"),
            (["kind": "truncated_json"], "not JSON"), (["kind": "no_data"], "no export"),
            (["kind": "cut_answer"], "receive"), (["kind": "drop_answer"], "wait"),
            (["kind": "delay", "delay": "30s"], "timeout"),
        ]
        try await Stage.run(
            simulator: ["--no-webhooks", "--export-duration", "10ms", "--more-reports", "12"],
            settings: ["CAUSEWAY_VENDOR_CALL_TIMEOUT": "5s"]
        ) { stage in
            // Each strikes the first call it meets, whichever export that is for.
            for (fault, _) in faults {
                try await stage.simulator.set(
                    .object(fault.merging(["route": "export", "count": 1]) { $1 }))
            }
            var ids: [String] = []
            for number in 1...faults.count { ids.append(try await stage.gateway.requestExport("vrc_20000\(number)")) }
            for id in ids {
                let export = try await stage.gateway.ended(id)
                #expect(export["status"] == "success")
                #expect(export["seen_by"]?["poll"] != .null)
            }
            for (fault, words) in faults {
                let isTold = stage.gateway.log.split(whereSeparator: \.isNewline).contains { line in
                    line.contains("an export's status is asked for again later") && line.contains(words)
                }
                #expect(isTold, "no line tells of \(fault)")
            }
        }
    }

    @Test("Keys that the vendor does not accept are told of, and what was accepted is kept", .timeLimit(.minutes(9)))
    func unauthorized() async throws {
        try await Stage.run(simulator: ["--credentials", "other:pair"]) { stage in
            let id = try await stage.gateway.requestExport()
            let export = try await stage.gateway.export(id, "tells of the keys") {
                $0["error"]?["code"] == "vendor_unauthorized"
            }
            #expect(export["status"] == "requested")
            try await stage.gateway.logged(
                "the vendor does not accept our keys: check vendor.public_key and vendor.secret_key",
                ["export": id, "level": "error"])
            #expect(try await stage.simulator.exports(0).isEmpty)
        }
    }

    @Test("What the vendor refuses fails with words on how to mend it", .timeLimit(.minutes(9)))
    func refused() async throws {
        try await Stage.run { stage in
            let subscription = try await stage.subscribe("team")
            let unknownReport = try await stage.gateway.requestExport("vrc_999999")
            let answer = try await stage.gateway.post(
                "/v1/exports", ["report": "vrc_123456", "member_email": "stranger@example.com"])
            #expect(answer.status == 202)
            for id in [unknownReport, answer["id"]?.string ?? ""] {
                let export = try await stage.gateway.ended(id)
                #expect(export["status"] == "failure")
                #expect(export["error"]?["code"] == "vendor_forbidden")
                #expect(export["error"]?["message"]?.string?.contains("/v1/reports") == true)
            }
            #expect(try await subscription.endpoint.events(2).count == 2)
            #expect(subscription.endpoint.requests.value.allSatisfy { $0.json["type"] == "export.failed" })
        }
    }

    @Test("A vendor that is down gets what was accepted once it is up, over a SIGKILL too", .timeLimit(.minutes(9)))
    func down() async throws {
        // The stage's own simulator stays unused: this gateway's vendor is not there yet.
        let port = try FreePort.any()
        try await Stage.run(
            settings: ["CAUSEWAY_VENDOR_URL": "http://127.0.0.1:\(port)", "CAUSEWAY_EXPORTS_LOST_ANSWER_WAIT": "10s"]
        ) { stage in
            let subscription = try await stage.subscribe("team")
            let id = try await stage.gateway.requestExport()
            let waiting = try await stage.gateway.export(id, "tells that the vendor is not there") {
                $0["error"]?["code"] == "vendor_unreachable"
            }
            #expect(waiting["status"] == "requested")
            try await stage.gateway.logged("an export is triggered again later", ["export": id])
            try await stage.gateway.kill()
            let vendor = try await SimulatorProcess.start(
                ["--export-duration", "10ms"], port: port, in: stage.directory.path)
            defer { vendor.end() }
            try await stage.gateway.start()
            #expect(try await stage.gateway.ended(id)["status"] == "success")
            let events = try await subscription.endpoint.events(1)
            subscription.expect(events: events)
        }
    }
}
