import CausewayCore
import Testing

/// That an import came to its end with each row at the vendor once, whatever happened on the way.
struct ImportProof {
    let gateway: GatewayProcess
    let simulator: SimulatorProcess
    let subscription: Stage.Subscription
    let file: RewardsFile

    /// Does what a person would: where an answer was lost, looks at the vendor, says what is there, and has the rest sent.
    /// - Parameter asked: how often a person had been asked and had answered before.
    func check(_ id: String, state: String = "completed", asked: Int = 0) async throws {
        var told = ["import.needs_attention": asked, "import.failed": 0]
        told["import.completed"] = state == "completed" ? 1 : 0
        var found = try await ended(id)
        while let next = found["state"]?.string, ["needs_attention", "failed"].contains(next) {
            if next == "failed" {
                told["import.failed", default: 0] += 1
                #expect(try await gateway.post("/v1/imports/\(id)/retry", [:]).status == 202)
            } else {
                told["import.needs_attention", default: 0] += 1
                let number = try #require(
                    found["chunks"]?.array?.first { $0["state"] == "unknown" }?["number"]?.integer)
                let outcome = try await vendorsFiles().keys.contains(Int(number)) ? "imported" : "not_imported"
                let answer = try await gateway.post(
                    "/v1/imports/\(id)/chunks/\(number)/resolve", ["outcome": .string(outcome)])
                #expect(answer.status == 200)
            }
            found = try await ended(id)
        }
        #expect(found["state"]?.string == state)
        try await checkRows(found)
        try await checkEvents(id, told)
        // But the digests of its rows, by which they are known for some days.
        try await asking("no file of it") {
            let files = ImportKillScene(gateway: gateway, simulator: simulator, path: "").files
            return files.allSatisfy { $0.hasSuffix(".rows") } ? () : nil
        }
    }

    private func ended(_ id: String) async throws -> JSONValue {
        try await asking("an import that stands still", within: .seconds(120)) {
            let answer = try await gateway.endedImport(id)
            return answer.status == 200 && answer["state"] != "forwarding" ? answer.json : nil
        }
    }

    /// What the importer took, by the chunk's number.
    private func vendorsFiles() async throws -> [Int: JSONValue] {
        try await simulator.get("/simulator/imports").data.reduce(into: [:]) { files, file in
            // rewards-2-of-3.csv
            let number = file["filename"]?.string?.split(separator: "-").dropLast(2).last.flatMap { Int($0) }
            guard let number, file["state"] == "imported" else { return }
            #expect(files[number] == nil, "chunk \(number) came twice")
            files[number] = file
        }
    }

    private func checkRows(_ found: JSONValue) async throws {
        let files = try await vendorsFiles()
        #expect(files.keys.sorted() == Array(1..<files.count + 1))
        var text = ""
        for (_, file) in files.sorted(by: { $0.key < $1.key }) {
            #expect(file["repeated"] == 0 && file["skipped"] == 0)
            let bytes = try await simulator.get("/simulator/imports/\(file["key"]?.string ?? "")/file").text
            #expect(bytes.hasPrefix(RewardsFile.header))
            text += bytes.dropFirst(RewardsFile.header.count)
        }
        let forwarded = Int(found["rows"]?["forwarded"]?.integer ?? 0)
        #expect(found["state"] != "completed" || forwarded == file.rows.count)
        #expect(text == file.rows.prefix(forwarded).joined())
    }

    private func checkEvents(_ id: String, _ told: [String: Int]) async throws {
        let count = told.values.reduce(0, +)
        let events = try await subscription.endpoint.requests.first("\(count) events", within: .seconds(60)) {
            Set($0.map(\.id)).count >= count ? $0 : nil
        }
        for (type, times) in told {
            let ids = Set(events.filter { $0.type == type && $0.json["data"]?["id"]?.string == id }.map(\.id))
            #expect(ids.count == times, "\(type)")
        }
        subscription.expect(events: Set(events.map(\.id)))
    }
}
