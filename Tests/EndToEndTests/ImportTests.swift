import CausewayCore
import Foundation
import Support
import Testing

@Suite("A CSV from curl to the importer", .serialized)
struct ImportTests {
    @Test("A file with mistakes is refused with each one's place, and nothing of it is sent", .timeLimit(.minutes(9)))
    func badFile() async throws {
        try await Stage.run { stage in
            let path = try file("customers.csv", "email,name\na@example.com,A\nx@,\"B\nand C\"\n,D\n", stage)
            let answer = try await stage.gateway.curl(["-T", path], "/v1/imports/customers")
            #expect(answer.status == 422)
            #expect(answer["state"] == "rejected")
            #expect(answer["rows"] == ["total": 3, "valid": 1, "invalid": 2, "forwarded": 0, "unprocessed": 3])
            let errors = answer["errors"]?["first"]?.array ?? []
            #expect(errors.map { $0["row"] } == [2, 3])
            #expect(errors.map { $0["line"] } == [3, 5])
            #expect(errors.first?["column"] == "email")
            #expect(errors.first?["code"] == "invalid_email")
            #expect(errors.first?["value"] == "x@")
            let id = answer["id"]?.string ?? ""
            #expect(try await stage.gateway.get("/v1/imports/\(id)/errors").data == errors)
            let table = try await stage.gateway.curl(
                ["-H", "Accept: text/plain", "-T", path], "/v1/imports/customers")
            #expect(table.status == 422)
            #expect(table.header("Content-Type")?.hasPrefix("text/plain") == true)
            #expect(table.text.contains("x@"))
            #expect(try await stage.simulator.get("/simulator/imports").data.isEmpty)
        }
    }

    @Test("A good file arrives byte for byte, raw and as a form, and its end is told", .timeLimit(.minutes(9)))
    func goodFile() async throws {
        try await Stage.run { stage in
            let team = try await stage.subscribe("team")
            let text = "email,name\r\na@example.com,\"Doe, \"\"J\"\"\"\r\nb@example.com,Bée\r\n"
            let path = try file("customers.csv", text, stage)
            let raw = try await stage.gateway.curl(["-T", path], "/v1/imports/customers")
            #expect(raw.status == 202)
            #expect(raw["sha256"]?.string == Digest.sha256Hex(text))
            let ended = try await stage.gateway.endedImport(raw["id"]?.string ?? "")
            #expect(ended["state"] == "completed")
            #expect(ended["rows"]?["forwarded"] == 2)
            #expect(ended["normalized"] == false)

            let partners = "partner_email,partner_key\np@example.com,p1\n"
            let form = try await stage.gateway.curl(
                ["-F", "file=@\(try file("partners.csv", partners, stage))"], "/v1/imports/partners")
            #expect(form.status == 202)
            #expect(form["filename"] == "partners.csv")

            let arrived = try await stage.simulator.get("/simulator/imports?wait=60&count=2").data
            #expect(
                Set(arrived.compactMap { $0["sha256"]?.string })
                    == [Digest.sha256Hex(text), Digest.sha256Hex(partners)])
            #expect(arrived.allSatisfy { $0["state"] == "imported" && $0["skipped"] == 0 })
            let events = try await team.endpoint.events(2)
            team.expect(events: events)
            #expect(team.endpoint.requests.value.allSatisfy { $0.json["type"] == "import.completed" })

            let again = try await stage.gateway.curl(["-T", path], "/v1/imports/customers")
            #expect(again.status == 409)
            #expect(again["code"] == "duplicate_import")
            #expect(again.text.contains(raw["id"]?.string ?? "-"))
            let actions = try await stage.gateway.get("/v1/audit?action=import.create").data
            #expect(actions.filter { $0["result"] == 202 }.count == 2)
        }
    }

    @Test(
        "curl is told to continue at once, and a body over the limit is 413 before it is read", .timeLimit(.minutes(9)))
    func expectation() async throws {
        let settings = ["CAUSEWAY_IMPORTS_MAX_SIZE": "3MiB", "CAUSEWAY_IMPORTS_CHUNK_ROWS": "1000000"]
        try await Stage.run(settings: settings) { stage in
            let good = try file("good.csv", rows(megabytes: 2), stage)
            let taken = try await stage.gateway.curl(["-v", "-T", good], "/v1/imports/customers")
            #expect(taken.status == 202)
            #expect(taken.trace.contains("> Expect: 100-continue"))
            #expect(taken.trace.contains("< HTTP/1.1 100 Continue"))
            let arrived = try await stage.simulator.get("/simulator/imports?wait=60&count=1").data
            #expect(arrived.first?["sha256"] == taken["sha256"])

            let large = try file("large.csv", rows(megabytes: 4), stage)
            let refused = try await stage.gateway.curl(["-v", "-T", large], "/v1/imports/customers")
            #expect(refused.status == 413)
            #expect(!refused.trace.contains("100 Continue"))
            #expect(refused.header("Content-Type")?.hasPrefix("application/problem+json") == true)
            #expect(refused.text.contains("imports.max_size"))
        }
    }

    @Test("Killed while a file is forwarded, it is looked at by a person and never sent twice", .timeLimit(.minutes(9)))
    func killedWhileForwarding() async throws {
        try await Stage.run(simulator: ["--any-customer"]) { stage in
            let team = try await stage.subscribe("team")
            try await stage.simulator.set(["kind": "delay", "route": "import.transactions", "delay": "60s"])
            let path = try file("transactions.csv", "amount,customer_key,currency\n1000,c1,USD\n", stage)
            let answer = try await stage.gateway.curl(["-T", path], "/v1/imports/transactions")
            #expect(answer.status == 202)
            let id = answer["id"]?.string ?? ""
            _ = try await stage.simulator.get("/simulator/imports?wait=60&count=1")
            try await stage.gateway.kill()
            try await stage.simulator.clearFaults()
            try await stage.gateway.start()
            let ended = try await stage.gateway.endedImport(id)
            #expect(ended["state"] == "needs_attention")
            #expect(ended["chunks"]?.array?.first?["state"] == "unknown")
            let events = try await team.endpoint.events(1)
            team.expect(events: events)
            #expect(team.endpoint.requests.value.first?.json["type"] == "import.needs_attention")

            // A person has looked at the vendor.
            let resolved = try await stage.gateway.post(
                "/v1/imports/\(id)/chunks/1/resolve", ["outcome": "imported"])
            #expect(resolved.status == 200)
            #expect(try await stage.gateway.endedImport(id)["state"] == "completed")
            #expect(
                try await stage.simulator.get("/simulator/requests?route=import.transactions").json
                    == ["import.transactions": 1])
        }
    }

    @Test("Killed while a file is forwarded that may come twice, it is sent again", .timeLimit(.minutes(9)))
    func killedWhileForwardingPartners() async throws {
        try await Stage.run { stage in
            try await stage.simulator.set(["kind": "delay", "route": "import.partners", "delay": "60s"])
            let path = try file("partners.csv", "partner_email,partner_key\np@example.com,p1\n", stage)
            let answer = try await stage.gateway.curl(["-T", path], "/v1/imports/partners")
            _ = try await stage.simulator.get("/simulator/imports?wait=60&count=1")
            try await stage.gateway.kill()
            try await stage.simulator.clearFaults()
            try await stage.gateway.start()
            let ended = try await stage.gateway.endedImport(answer["id"]?.string ?? "")
            #expect(ended["state"] == "completed")
            let arrived = try await stage.simulator.get("/simulator/imports").data
            #expect(arrived.map { $0["repeated"] } == [0, 1])
        }
    }

    @Test("A busy vendor is waited for; a refusal and a lost answer have their own end", .timeLimit(.minutes(9)))
    func vendorTrouble() async throws {
        try await Stage.run { stage in
            let (gateway, simulator) = (stage.gateway, stage.simulator)
            func ended(_ email: String) async throws -> Curl {
                let path = try file("customers.csv", "email\n\(email)\n", stage)
                let answer = try await gateway.curl(["-T", path], "/v1/imports/customers")
                #expect(answer.status == 202)
                return try await gateway.endedImport(answer["id"]?.string ?? "")
            }
            let route: JSONValue = "import.customers"
            try await simulator.set([
                "kind": "rate_limited", "message": "Too many requests", "retry_after": 1, "route": route, "count": 1,
            ])
            #expect(try await ended("busy@example.com")["state"] == "completed")

            try await simulator.set([
                "kind": "status", "status": 400, "message": "No such column", "route": route, "count": 1,
            ])
            let refused = try await ended("refused@example.com")
            #expect(refused["state"] == "failed")
            #expect(refused["error"]?["code"] == "vendor_bad_request")
            #expect(refused.text.contains("No such column"))

            // After a 5xx nobody knows; a person says that nothing came, and has it sent again.
            try await simulator.set(["kind": "status", "status": 503, "route": route, "count": 1])
            let lost = try await ended("lost@example.com")
            #expect(lost["state"] == "needs_attention")
            let id = lost["id"]?.string ?? ""
            let early = try await gateway.post("/v1/imports/\(id)/retry", [:])
            #expect(early.status == 409)
            let resolved = try await gateway.post(
                "/v1/imports/\(id)/chunks/1/resolve", ["outcome": "not_imported"])
            #expect(resolved.status == 200)
            #expect(try await gateway.post("/v1/imports/\(id)/retry", [:]).status == 202)
            #expect(try await gateway.endedImport(id)["state"] == "completed")
            #expect(try await simulator.get("/simulator/imports").data.count == 2)
        }
    }

    @Test("An unknown object, a wrong type of body and a missing scope are refused", .timeLimit(.minutes(9)))
    func refusals() async throws {
        try await Stage.run { stage in
            let path = try file("customers.csv", "email\na@example.com\n", stage)
            #expect(try await stage.gateway.curl(["-T", path], "/v1/imports/wallets").status == 404)
            let image = try await stage.gateway.curl(
                ["-H", "Content-Type: image/png", "-T", path], "/v1/imports/customers")
            #expect(image.status == 415)
            let made = try await stage.gateway.post(
                "/v1/keys", ["name": "partners only", "scopes": ["imports:write:partners"]])
            let denied = try await stage.gateway.curl(
                ["-T", path], "/v1/imports/customers", key: made["key"]?.string ?? "")
            #expect(denied.status == 403)
            #expect(try await stage.simulator.get("/simulator/imports").data.isEmpty)
        }
    }

    // MARK: Files

    private func file(_ name: String, _ text: String, _ stage: Stage) throws -> String {
        let path = stage.directory.file(name)
        try Data(text.utf8).write(to: URL(filePath: path))
        return path
    }

    private func rows(megabytes: Int) -> String {
        var text = "email,name\n"
        var number = 0
        while text.utf8.count < megabytes << 20 {
            number += 1
            text += "customer-\(number)@example.com,\(String(repeating: "n", count: 80))\n"
        }
        return text
    }
}
