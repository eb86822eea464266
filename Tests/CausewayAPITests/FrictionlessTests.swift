import CausewayCore
import Foundation
import Imports
import Support
import Testing

@testable import CausewayAPI

/// `frictionless`, the reference implementation of Table Schema, reads `schema.json` and judges the same files.
@Suite("schema.json to frictionless")
struct FrictionlessTests {
    typealias Case = (object: ImportObject, text: String)

    /// As far as Table Schema has words for a rule: not rules over several columns, dates before 1900, or metadata.
    static let files: [Case] =
        ImportObject.allCases.map { ($0, ObjectCatalog.builtIn[$0].template) } + [
            (.customers, "email\na@example.com\n"), (.customers, "email,name\nx@,B\n"), (.customers, "name\nB\n"),
            (.customers, "email,name\n,B\n"), (.customers, "email,created_at\na@example.com,2020-02-30\n"),
            (.customers, "email,created_at\na@example.com,25/12/2020\n"),
            (.customers, "email,name\na@example.com,\(String(repeating: "x", count: 101))\n"),
            (.customers, "email,name\na@example.com,\(String(repeating: "é", count: 100))\n"),
            (.customers, "email,shoe_size\na@example.com,43\n"), (.customers, "email,name\na@example.com,B,C\n"),
            (.transactions, "customer_email,amount,currency\na@example.com,100,USD\n"),
            (.transactions, "customer_email,amount\na@example.com,10.5\n"),
            (.transactions, "customer_email,amount\na@example.com,50000000001\n"),
            (.transactions, "customer_email,amount,currency\na@example.com,100,Usd\n"),
            (.transactions, "customer_email,amount,key\na@example.com,100,abc\n"),
            (.rewards, "partner_key,amount_in_cents,body,created_at\np,5,Bonus,1636077035000\n"),
            (.rewards, "partner_key,amount_in_cents,body,created_at\np,5,Bonus,05.11.2021\n"),
            (.rewards, "partner_key,amount_in_cents,body,status\np,5,Bonus,Paid\n"),
            (.rewards, "partner_key,amount_in_cents,body,is_external\np,5,Bonus,yes\n"),
            (.rewards, "partner_key,amount_in_dollars,body\np,ten,Bonus\n"),
            (.leads, "partner_key,email,first_name,last_name,status\np,a@example.com,A,B,closed won\n"),
            (.leads, "partner_key,email,first_name,last_name,status\np,a@example.com,A,B,Open\n"),
            (.deals, "amount,close_date,external_key,stage\n10000,2020-12-25,d1,Working\n"),
            (.deals, "amount,close_date,external_key,stage\n-1,2020-12-25,d1,Working\n"),
        ]

    @Test("is a schema that it takes, and both agree which files are good and which rows are not")
    func agree() throws {
        let input = JSONValue.array(
            Self.files.map { file in
                ["schema": ObjectCatalog.builtIn[file.object].tableSchema, "text": .string(file.text)]
            })
        let (status, output) = try Tool(python: "python").run(["-c", Self.script], input: Data(input.text.utf8))
        try #require(status == 0, "\(output)")
        let verdicts = try #require(try JSONValue(parsing: output).array)
        #expect(verdicts.count == Self.files.count)
        for (file, verdict) in zip(Self.files, verdicts) {
            var check = ImportCheck(schema: ObjectCatalog.builtIn[file.object])
            var rejected: [JSONValue] = []
            func take(_ finding: ImportFinding) {
                if case .rejected(let row, _, _) = finding { rejected.append(.integer(Int64(row))) }
            }
            try check.feed(Array(file.text.utf8), take)
            let summary = try check.finish(take)
            #expect(verdict["mistake"] == .null)
            #expect(
                verdict["header"] == .bool(summary.isRefused), "\(file.object) \(file.text): \(verdict.text)")
            if !summary.isRefused { #expect(verdict["rows"] == .array(rejected), "\(file.text): \(verdict.text)") }
        }
    }

    /// Rows are counted from 1 without the header, as here. A column that is missing need not be there.
    private static let script = #"""
        import json, os, sys, tempfile
        from frictionless import Detector, Resource, Schema

        verdicts = []
        with tempfile.TemporaryDirectory() as folder:
            os.chdir(folder)
            for case in json.load(sys.stdin):
                with open("file.csv", "w", newline="", encoding="utf-8") as file:
                    file.write(case["text"])
                try:
                    schema = Schema.from_descriptor(case["schema"])
                    known = {field["name"] for field in case["schema"]["fields"]}
                    resource = Resource(path="file.csv", schema=schema, encoding="utf-8",
                                        detector=Detector(schema_sync=True))
                    report = resource.validate()
                    errors = [error for task in report.tasks for error in task.errors]
                    # schema_sync takes columns nobody declared; the header tells of them.
                    names = case["text"].split("\n")[0].split(",")
                    rows = sorted({error.row_number - 1 for error in errors if hasattr(error, "row_number")})
                    header = [error for error in errors if not hasattr(error, "row_number")]
                    verdicts.append({"header": bool(header) or not set(names) <= known, "rows": rows, "mistake": None,
                                     "said": [error.type for error in errors]})
                except Exception as error:
                    verdicts.append({"header": None, "rows": None, "mistake": repr(error)})
        print(json.dumps(verdicts))
        """#
}
