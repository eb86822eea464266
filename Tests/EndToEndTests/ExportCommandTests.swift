import CausewayCore
import Foundation
import Glibc
import Support
import Testing

@Suite("causeway export")
struct ExportCommandTests {
    /// Runs the command to its end.
    private func run(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey
    ) async throws -> (status: Int32, text: String) {
        let child = try start(stage, arguments, key: key)
        return (try await child.exit(), child.text)
    }

    private func start(
        _ stage: Stage, _ arguments: [String], key: String = GatewayProcess.adminKey
    ) throws -> ChildProcess {
        try ChildProcess(
            ["export"] + arguments, environment: ["CAUSEWAY_URL": stage.gateway.url, "CAUSEWAY_KEY": key],
            in: stage.directory.path)
    }

    /// The vendor's own bytes of an export's first file.
    private func vendorsFile(_ stage: Stage, _ export: JSONValue?, part: Int = 0) async throws -> Data {
        let key = export?["vendor_key"]?.string ?? ""
        let entity = try await stage.simulator.get("/simulator/exports/\(key)").json
        let link = try #require(entity["files"]?.array?[part]["url"]?.string)
        return try await Curl.run([link]).body
    }

    private func file(_ stage: Stage, _ name: String) -> Data? {
        FileManager.default.contents(atPath: stage.directory.file(name))
    }

    @Test("fetches the vendor's file whole, says nothing but the JSON it is asked for, and leaves no other file")
    func whole() async throws {
        try await Stage.run { stage in
            let (status, text) = try await run(
                stage, ["vrc_123456", "--output", "report.csv", "--json", "--metadata", "team=finance"])
            #expect(status == 0, "\(text)")
            let export = try JSONValue(parsing: text)
            #expect(export["status"] == "success")
            #expect(export["metadata"] == ["team": "finance"])
            #expect(file(stage, "report.csv") == (try await vendorsFile(stage, export)))
            #expect(file(stage, "report.csv.part") == nil && file(stage, "report.csv.part.json") == nil)

            // What is young enough needs no second export.
            let again = try await run(
                stage, ["vrc_123456", "-o", "-", "--max-age", "1h", "--url", stage.gateway.url])
            #expect(again.status == 0)
            let lines = (file(stage, "report.csv").map { String(decoding: $0, as: UTF8.self) } ?? "").split(
                whereSeparator: \.isNewline)
            #expect(again.text.split(whereSeparator: \.isNewline) == lines)
            #expect(try await stage.simulator.exports(1).count == 1)
        }
    }

    @Test("ends with 2 where it is called wrongly, and with 1 and the reason where it is refused")
    func wrong() async throws {
        try await Stage.run(simulator: ["--hold"]) { stage in
            for arguments in [
                ["vrc_123456"], ["vrc_123456", "-o", "x", "--format", "xml"], ["vrc_123456", "-o", "-", "--json"],
                ["vrc_123456", "-o", "x", "--max-age", "2"], ["vrc_123456", "-o", "x", "--metadata", "=a"],
                ["vrc_123456", "-o", "x", "--url", "ftp://gateway"], ["vrc_123456", "-o", "x/", "--columns", "a"],
            ] {
                #expect(try await run(stage, arguments).status == 2, "\(arguments)")
            }
            let noKey = try await run(stage, ["vrc_123456", "-o", "x"], key: "")
            #expect(noKey.status == 2 && noKey.text.contains("CAUSEWAY_KEY"))
            let wrongKey = try await run(stage, ["vrc_123456", "-o", "x"], key: "cwy_wrong")
            #expect(wrongKey.status == 1 && wrongKey.text.contains("401"))
            let unknown = try await run(stage, ["vrc_none", "-o", "x"])
            #expect(unknown.status == 1 && unknown.text.contains("vendor_forbidden"), "\(unknown.text)")

            _ = try await stage.gateway.requestExport()
            try await stage.simulator.complete(try await stage.simulator.exports(1)[0])
            _ = try await asking("the export's end") {
                try await stage.gateway.get("/v1/exports?status=success").data.first
            }
            let limited = try await run(stage, ["vrc_123456", "-o", "x", "--fail-when-limited"])
            #expect(limited.status == 1 && limited.text.contains("429"), "\(limited.text)")
            #expect(file(stage, "x.part.json") == nil)
        }
    }

    @Test("stopped by Ctrl-C while it waits, it goes on with the same export")
    func stoppedWaiting() async throws {
        try await Stage.run(simulator: ["--hold"]) { stage in
            let arguments = ["vrc_123456", "--output", "report.csv", "--json"]
            let first = try start(stage, arguments)
            let atVendor = try await stage.simulator.exports(1)[0]
            try await ticketNamesAnExport(stage)
            first.signal(SIGINT)
            #expect(try await first.exit() == 1)
            #expect(first.text.contains("goes on from here"), "\(first.text)")

            let second = try start(stage, arguments)
            try await stage.simulator.complete(atVendor)
            #expect(try await second.exit() == 0, "\(second.text)")
            let export = try JSONValue(parsing: second.text)
            #expect(export["requests"] == 1)
            #expect(file(stage, "report.csv") == (try await vendorsFile(stage, export)))
        }
    }

    private func ticketNamesAnExport(_ stage: Stage) async throws {
        _ = try await asking("the ticket") {
            let data = file(stage, "report.csv.part.json") ?? Data()
            return (try? JSONValue(parsing: data))?["export"]?.string
        }
    }

    @Test("stopped by Ctrl-C in the middle of a download, or cut off, it ends with the right bytes")
    func stoppedDownloading() async throws {
        try await Stage.run(simulator: ["--file-size", "20MB"]) { stage in
            let arguments = ["vrc_123456", "--output", "report.csv", "--json"]
            // The first download stands still after its first megabyte.
            try await stage.simulator.set(
                ["kind": "stalled_download", "route": "files", "count": 1, "after_bytes": 1_000_000])
            let first = try start(stage, arguments)
            _ = try await asking("some bytes") { (file(stage, "report.csv.part")?.count ?? 0) > 0 ? true : nil }
            first.signal(SIGINT)
            #expect(try await first.exit() == 1)
            #expect(file(stage, "report.csv") == nil)
            #expect((file(stage, "report.csv.part")?.count ?? 0) > 0)
            try await stage.simulator.clearFaults()

            // Cut off once more on the way, which it mends by itself.
            try await stage.simulator.set(
                ["kind": "truncated_download", "route": "files", "count": 1, "after_bytes": 5_000_000])
            let (status, text) = try await run(stage, arguments)
            #expect(status == 0, "\(text)")
            // What broke off is told of before.
            let export = try JSONValue(parsing: text.split(whereSeparator: \.isNewline).last.map(String.init) ?? "")
            #expect(export["requests"] == 1)
            let bytes = try await vendorsFile(stage, export)
            #expect(file(stage, "report.csv") == bytes)
            #expect(file(stage, "report.csv.part") == nil && file(stage, "report.csv.part.json") == nil)
        }
    }

    @Test("puts the parts of an export into a directory, or the vendor's archive into a .zip")
    func parts() async throws {
        try await Stage.run(simulator: ["--files", "3"]) { stage in
            let (status, text) = try await run(stage, ["vrc_123456", "--output", "parts/", "--json"])
            #expect(status == 0, "\(text)")
            let export = try JSONValue(parsing: text)
            let names = (export["files"]?.array ?? []).compactMap { $0["name"]?.string }
            #expect(names.count == 3)
            for (number, name) in names.enumerated() {
                #expect(file(stage, "parts/\(name)") == (try await vendorsFile(stage, export, part: number)))
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: stage.directory.file("parts")).count == 3)
            let zip = try await run(stage, ["vrc_123456", "--output", "all.zip", "--max-age", "1h"])
            #expect(zip.status == 0, "\(zip.text)")
            #expect(file(stage, "all.zip")?.prefix(2) == Data("PK".utf8))
        }
    }

    @Test("makes one CSV of all parts, or the columns wanted as NDJSON, and says which column is not there")
    func oneTable() async throws {
        try await Stage.run(simulator: ["--files", "3"]) { stage in
            let (status, text) = try await run(stage, ["vrc_123456", "--output", "all.csv", "--json"])
            #expect(status == 0, "\(text)")
            let export = try JSONValue(parsing: text)
            var rows: [Substring] = []
            var header = ""
            for part in 0..<3 {
                let lines = String(decoding: try await vendorsFile(stage, export, part: part), as: UTF8.self)
                    .split(separator: "\n")
                header = String(lines[0])
                rows += lines.dropFirst()
            }
            let all = String(decoding: file(stage, "all.csv") ?? Data(), as: UTF8.self).split(separator: "\n")
            #expect(all.first.map(String.init) == header && all.dropFirst() == rows[...])

            let columns = header.split(separator: ",").prefix(2).reversed().joined(separator: ",")
            let arguments = ["vrc_123456", "--max-age", "1h", "--format", "ndjson", "--columns"]
            let picked = try await run(stage, arguments + [columns, "--output", "some.ndjson"])
            #expect(picked.status == 0, "\(picked.text)")
            let objects = String(decoding: file(stage, "some.ndjson") ?? Data(), as: UTF8.self).split(separator: "\n")
            #expect(objects.count == rows.count)
            #expect(try JSONValue(parsing: String(objects[0])).object?.count == 2)

            let wrong = try await run(stage, arguments + ["nothing_like_it", "--output", "none.ndjson"])
            #expect(wrong.status == 1 && wrong.text.contains("nothing_like_it"), "\(wrong.text)")
        }
    }
}
