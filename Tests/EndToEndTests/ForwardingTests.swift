import CausewayCore
import Foundation
import Support
import Testing

@Suite("What goes out to the importer, and how often", .serialized)
struct ForwardingTests {
    @Test(
        "Where a file may come twice, a chunk whose answer is lost is sent again, and no other",
        .timeLimit(.minutes(9)),
        arguments: [
            ["kind": "drop_answer"], ["kind": "cut_answer"], ["kind": "close_in_body", "after_bytes": 200],
            ["kind": "status", "status": 503, "processed": true],
        ] as [JSONValue])
    func lostAnswer(fault: JSONValue) async throws {
        try await Stage.run(settings: ["CAUSEWAY_IMPORTS_CHUNK_ROWS": "2"]) { stage in
            guard case .object(var members) = fault else { return }
            members["route"] = "import.partners"
            members["skip"] = 1
            members["count"] = 1
            try await stage.simulator.set(.object(members))
            let team = try await stage.subscribe("team")
            let rows = (1...6).map { "p\($0)@example.com,p\($0)\n" }
            let path = stage.directory.file("partners.csv")
            try Data(("partner_email,partner_key\n" + rows.joined()).utf8).write(to: URL(filePath: path))
            let sent = try await stage.gateway.curl(["-T", path], "/v1/imports/partners")
            #expect(sent.status == 202)
            let ended = try await stage.gateway.endedImport(sent["id"]?.string ?? "")
            #expect(ended["state"] == "completed", "\(ended.text)")
            #expect(ended["chunks"]?.array?.map { $0["state"] } == ["forwarded", "forwarded", "forwarded"])
            #expect(ended["rows"]?["forwarded"] == 6)

            // In the order they came; what broke off in the body did not.
            let arrived = try await stage.simulator.get("/simulator/imports").data
            let chunks = [0, 2, 4].map { Digest.sha256Hex("partner_email,partner_key\n" + rows[$0] + rows[$0 + 1]) }
            let isTaken = fault["kind"] != "close_in_body"
            #expect(
                arrived.map { $0["sha256"]?.string ?? "" }
                    == [chunks[0], chunks[1]] + (isTaken ? [chunks[1]] : []) + [chunks[2]])
            #expect(arrived.map { $0["repeated"] } == (isTaken ? [0, 0, 2, 0] : [0, 0, 0]))
            team.expect(events: try await team.endpoint.events(1))
            #expect(team.endpoint.requests.value.map { $0.json["type"] } == ["import.completed"])
        }
    }

    @Test(
        "Of uploads with the same rows that all wait for the store, each row goes out once, however often one is overtaken",
        .timeLimit(.minutes(9)))
    func overtaken() async throws {
        try await Stage.run(simulator: ["--any-customer"]) { stage in
            let gateway = stage.gateway
            // Each has rows of all the others, and a hundred of its own: whichever comes first, all others are overtaken.
            let count = 6
            for number in 0..<count {
                var rows = Array(0..<300) + Array(1000 + number * 100..<1100 + number * 100)
                rows.shuffle()
                let text = rows.map { "partner-\($0),\(100 + $0),Bonus,USD\n" }.joined()
                try Data(("partner_key,amount_in_cents,body,currency\n" + text).utf8)
                    .write(to: URL(filePath: stage.directory.file("rewards-\(number).csv")))
            }
            let hold = try StoreHold(gateway.dataDirectory + "/causeway.sqlite")
            try await hold.begin()
            let answers = try await withThrowingTaskGroup(of: Curl.self) { group in
                for number in 0..<count {
                    let path = stage.directory.file("rewards-\(number).csv")
                    group.addTask {
                        try await gateway.curl(["-T", path], "/v1/imports/rewards?mode=valid_rows")
                    }
                }
                try await asking("all files checked and under their names") {
                    let names = try FileManager.default.contentsOfDirectory(atPath: gateway.dataDirectory + "/uploads")
                    return names.count { $0.hasSuffix(".csv") } >= count ? () : nil
                }
                try await hold.end()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.map(\.status) == Array(repeating: 202, count: count))
            #expect(answers.map { $0["rows"]?["valid"]?.integer ?? 0 }.sorted() == [100, 100, 100, 100, 100, 400])
            for answer in answers {
                #expect(try await gateway.endedImport(answer["id"]?.string ?? "")["state"] == "completed")
            }
            var arrived: [String] = []
            for file in try await stage.simulator.get("/simulator/imports").data {
                let content = try await stage.simulator.get("/simulator/imports/\(file["key"]?.string ?? "")/file")
                arrived += content.text.split(separator: "\n").dropFirst().map(String.init)
            }
            let all = Array(0..<300) + Array(1000..<1000 + count * 100)
            #expect(arrived.sorted() == all.map { "partner-\($0),\(100 + $0),Bonus,USD" }.sorted())
        }
    }
}
