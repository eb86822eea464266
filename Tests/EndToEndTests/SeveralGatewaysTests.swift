import CausewayCore
import Foundation
import Support
import Testing

@Suite("Two gateways on one PostgreSQL", .serialized)
struct SeveralGatewaysTests {
    enum Loss: String, CaseIterable, CustomTestStringConvertible {
        case killed = "is killed"
        case asleep = "sleeps past its leases and goes on"

        var testDescription: String { rawValue }
    }

    @Test(
        "One that has a trigger, a check and deliveries in its hands is lost: the other takes them over",
        .timeLimit(.minutes(9)), arguments: Loss.allCases)
    func takeover(_ loss: Loss) async throws {
        let settings = [
            // However long the lost one's requests may take.
            "CAUSEWAY_DELIVERIES_TIMEOUT": "25s", "CAUSEWAY_EXPORTS_ASK_AGAIN_AFTER": "1s",
            "CAUSEWAY_POLLING_FAST": "1h", "CAUSEWAY_POLLING_SLOW": "1h",
        ]
        try await Pair.run(simulator: ["--hold"], settings: settings) { pair in
            let (lost, other) = (pair.gateways[0], pair.gateways[1])
            let team = try await pair.subscribe("team", answers: [.silence])
            // All that follows is the first's to do.
            try await freeze(other)
            let delivered = try await lost.requestExport("vrc_123456")
            let checked = try await lost.requestExport("vrc_123457")
            for id in [delivered, checked] { try await queued(id, lost) }
            try await pair.complete(delivered, lost)
            _ = try await team.endpoint.received(1)
            try await pair.simulator.set(["kind": "delay", "route": "export", "delay": "120s", "count": 1])
            try await pair.complete(checked, lost)
            try await pair.simulator.requests("export", 2)
            try await pair.simulator.set(["kind": "delay", "route": "trigger", "delay": "120s", "count": 1])
            let triggered = try await lost.requestExport("vrc_123458")
            _ = try await pair.simulator.exports(3)

            if loss == .killed { try await lost.kill() } else { lost.freeze() }
            other.thaw()
            let lostAt = ContinuousClock.now
            try await pair.simulator.clearFaults()
            #expect(try await other.ended(checked)["status"] == "success")
            try await pair.simulator.complete(try await pair.simulator.exports(3)[2])
            #expect(try await other.ended(triggered)["status"] == "success")
            let events = try await team.endpoint.events(3)
            #expect(try await team.endpoint.received(4).count == 4)
            // Well before what the lost one waits for would have ended by itself.
            #expect(lostAt.duration(to: .now) < .seconds(100))

            if loss == .asleep {
                lost.thaw()
                // What it held is not its own any more.
                try await lost.logged("the lease of a delivery was lost; its result was not written")
                #expect(try await lost.get("/v1/exports/\(triggered)")["status"] == "success")
            }
            let later = try await other.requestExport("vrc_123459")
            try await queued(later, other)
            try await pair.complete(later, other)
            #expect(try await other.ended(later)["status"] == "success")
            #expect(try await team.endpoint.events(4).isSuperset(of: events))
            team.expect(events: try await team.endpoint.events(4))
            #expect(try await pair.simulator.exports(4).count == 4)
            #expect(try await other.get("/v1/deliveries?limit=200").data.count == 4)
        }
    }

    @Test(
        "One that is sending rewards to the importer is lost: a person decides, no machine sends them again",
        .timeLimit(.minutes(9)), arguments: Loss.allCases)
    func takeoverOfMoney(_ loss: Loss) async throws {
        try await Pair.run { pair in
            let (lost, other) = (pair.gateways[0], pair.gateways[1])
            try await freeze(other)
            try await pair.simulator.set([
                "kind": "delay", "route": "import.transactions", "delay": loss == .killed ? "120s" : "25s", "count": 1,
            ])
            let path = pair.directory.file("transactions.csv")
            try "amount,customer_key,currency\n1000,c1,USD\n".write(toFile: path, atomically: true, encoding: .utf8)
            let upload = try await lost.curl(["-T", path], "/v1/imports/transactions")
            #expect(upload.status == 202)
            let id = upload["id"]?.string ?? ""
            try await pair.simulator.requests("import.transactions", 1)
            if loss == .killed { try await lost.kill() } else { lost.freeze() }
            other.thaw()
            let doubtful = try await asking("an import that waits for a person", within: patience * 2) {
                let found = try await other.get("/v1/imports/\(id)").json
                guard found["state"] == "needs_attention" else { return JSONValue?.none }
                return found
            }
            #expect(doubtful["chunks"]?.array?.first?["state"] == "unknown")
            if loss == .asleep {
                lost.thaw()
                // The answer that comes late is not thrown away.
                try await asking("an import that is done", within: patience * 2) {
                    try await other.get("/v1/imports/\(id)")["state"] == "completed" ? () : nil
                }
            }
            #expect(
                try await pair.simulator.get("/simulator/requests?route=import.transactions").json
                    == ["import.transactions": 1])
        }
    }

    /// Once its start has nothing more to write, so that it holds no lock that the others need.
    private func freeze(_ gateway: GatewayProcess) async throws {
        try await gateway.logged("the account's webhook was registered")
        gateway.freeze()
    }

    private func queued(_ export: String, _ gateway: GatewayProcess) async throws {
        _ = try await gateway.export(export, "is queued") { $0["status"] == "queued" }
    }
}

extension Pair {
    /// Ends at the vendor what one of the gateways knows by its own id.
    func complete(_ export: String, _ gateway: GatewayProcess) async throws {
        let key = try await gateway.get("/v1/exports/\(export)")["vendor_key"]
        try await simulator.complete(["key": key ?? .null])
    }
}
