import CausewayCore
import Foundation
import Support
import Testing

@Suite("causeway check")
struct CheckCommandTests {
    /// Runs the command to its end, without any gateway.
    private func run(
        _ directory: TemporaryDirectory, _ arguments: [String], under wrapper: [String] = []
    ) async throws -> (status: Int32, text: String) {
        let child = try ChildProcess(["check"] + arguments, under: wrapper, environment: [:], in: directory.path)
        return (try await child.exit(), child.text)
    }

    private func write(_ directory: TemporaryDirectory, _ name: String, _ text: String) throws {
        try text.write(toFile: directory.file(name), atomically: true, encoding: .utf8)
    }

    @Test("tells a good file from a bad one by its end, in text, JSON and CSV")
    func verdicts() async throws {
        let directory = try TemporaryDirectory()
        try write(directory, "good.csv", "email,name\na@example.com,A\n")
        try write(directory, "bad.csv", "email,name\na@example.com,A\nmailto:b@example.com,B\n")
        let good = try await run(directory, ["good.csv", "--object", "customers"])
        #expect(good.status == 0 && good.text.hasPrefix("good.csv: all of 1 row can be imported."), "\(good.text)")
        let bad = try await run(directory, ["bad.csv", "--object", "customers"])
        #expect(bad.status == 1 && bad.text.contains("1 of 2 rows cannot be imported"), "\(bad.text)")
        #expect(bad.text.contains("Put: b@example.com") && !bad.text.contains("curl"))
        let some = try await run(directory, ["bad.csv", "--object", "customers", "--mode", "valid_rows"])
        #expect(some.status == 0, "\(some.text)")
        // A dry run of a gateway takes it, with its errors; `causeway import --dry-run` ends with 1 too.
        let dry = try await run(directory, ["bad.csv", "--object", "customers", "--mode", "dry_run"])
        #expect(dry.status == 1 && dry.text.contains("1 of 2 rows cannot be imported"), "\(dry.text)")
        #expect(try await run(directory, ["good.csv", "--object", "customers", "--mode", "dry_run"]).status == 0)
        let json = try await run(directory, ["bad.csv", "--object", "customers", "--format", "json"])
        let shown = try JSONValue(parsing: json.text)
        #expect(json.status == 1 && shown["state"] == "rejected" && shown["id"] == .null)
        #expect(shown["rows"] == ["total": 2, "valid": 1, "invalid": 1, "forwarded": 0, "unprocessed": 2])
        #expect(shown["errors"]?["first"]?.array?.first?["suggestion"] == "b@example.com")
        #expect(
            shown["sha256"]?.string
                == Digest.sha256Hex("email,name\na@example.com,A\nmailto:b@example.com,B\n"))
        let csv = try await run(directory, ["bad.csv", "--object", "customers", "--format", "csv"])
        #expect(csv.status == 1)
        #expect(
            csv.text.hasPrefix(
                "row,line,byte_offset,column,code,value,message,suggestion\n2,3,27,email,invalid_email,mailto:b@example.com,"
            ))
    }

    @Test("reads standard input, and writes the refused rows as they came or with their errors")
    func rejected() async throws {
        let directory = try TemporaryDirectory()
        try write(directory, "bad.csv", "email;name\r\na@example.com;A\r\n=x;B\r\n")
        let first = try await run(directory, ["bad.csv", "--object", "customers", "--rejected", "rows.csv"])
        #expect(first.status == 1)
        #expect(try String(contentsOfFile: directory.file("rows.csv"), encoding: .utf8) == "email;name\r\n=x;B\r\n")
        let second = try await run(
            directory,
            [
                "-", "--object", "customers", "--rejected", "rows.csv", "--annotate", "--excel-safe", "--format", "csv",
            ], under: ["/bin/sh", "-c", "exec \"$@\" < bad.csv", "sh"])
        #expect(second.status == 1, "\(second.text)")
        let rows = String(decoding: try Data(contentsOf: URL(filePath: directory.file("rows.csv"))), as: UTF8.self)
        #expect(rows.hasPrefix("\u{FEFF}\"_errors\";email;name\r\n\"row 2: invalid_email email: "), "\(rows)")
        #expect(rows.hasSuffix("\";'=x;B\r\n"), "\(rows)")
    }

    @Test("a place for refused rows that cannot be written ends it before, one that fills up takes no report with it")
    func unwritable() async throws {
        let directory = try TemporaryDirectory()
        try write(directory, "bad.csv", "email\nx@\n")
        try write(directory, "broken.csv", "nothing\nx\n")
        for place in ["none/rows.csv", ".", "bad.csv"] {
            let wrong = try await run(directory, ["bad.csv", "--object", "customers", "--rejected", place])
            #expect(wrong.status == 2 && !wrong.text.contains("invalid_email"), "\(place): \(wrong.text)")
        }
        let full = try await run(directory, ["bad.csv", "--object", "customers", "--rejected", "/dev/full"])
        #expect(full.status == 1 && full.text.contains("invalid_email"), "\(full.text)")
        #expect(full.text.contains("/dev/full is not whole"), "\(full.text)")
        let whole = try await run(directory, ["broken.csv", "--object", "customers", "--rejected", "rows.csv"])
        #expect(whole.status == 1 && whole.text.contains("missing_column"), "\(whole.text)")
        #expect(whole.text.contains("rows.csv is not written"), "\(whole.text)")
        #expect(!FileManager.default.fileExists(atPath: directory.file("rows.csv")))
        try write(directory, "rows.csv", "what stood there before, and is longer than what comes")
        _ = try await run(directory, ["bad.csv", "--object", "customers", "--rejected", "rows.csv"])
        #expect(try String(contentsOfFile: directory.file("rows.csv"), encoding: .utf8) == "email\nx@\n")
    }

    @Test("knows the program's own fields, and ends with 2 where it is called wrongly")
    func wrong() async throws {
        let directory = try TemporaryDirectory()
        try write(directory, "deals.csv", "amount,close_date,external_key,stage,vat\n1,2026-01-01,d1,Won,x\n")
        try write(
            directory, "own.yaml",
            "imports: {objects: {deals: {groups: {eu: {stages: [Won], fields: [{name: vat}]}}}}}\n")
        let arguments = ["deals.csv", "--object", "deals", "--group", "eu"]
        #expect(try await run(directory, arguments + ["--config", "own.yaml"]).status == 0)
        #expect(try await run(directory, arguments).status == 1)
        try write(directory, "wrong.yaml", "imports: {objects: {deal: {}}}\n")
        let wrong = try await run(directory, arguments + ["--config", "wrong.yaml"])
        #expect(wrong.status == 2 && wrong.text.contains("did you mean deals?"), "\(wrong.text)")
        let nameless = try await run(directory, ["deals.csv", "--object", "deals"])
        #expect(nameless.status == 2 && nameless.text.contains("--group KEY"), "\(nameless.text)")
        for arguments in [
            ["deals.csv"], ["deals.csv", "--object", "deal"], ["deals.csv", "--object", "deals"],
            ["none.csv", "--object", "customers"], [".", "--object", "customers"],
            ["deals.csv", "--object", "customers", "--group", "eu"],
            ["deals.csv", "--object", "customers", "--format", "xml"],
        ] {
            #expect(try await run(directory, arguments).status == 2, "\(arguments)")
        }
    }
}
