import CausewayCore
import FileStore
import Foundation
import HTTPTypes
import Imports
import Support
import Testing

@testable import CausewayAPI

@Suite("What is wrong with an import, as files", .onEveryEngine)
struct ImportTableRouteTests {
    private func upload(
        _ api: APIFixture, _ body: String, mode: String = "all_or_nothing", object: String = "customers"
    ) async throws -> String {
        let answer = try await api.ask(
            .put, "/v1/imports/\(object)?mode=\(mode)",
            headers: [.contentType: "text/csv", .contentDisposition: "attachment; filename=\"März.csv\""], body: body)
        return try #require(answer.json["id"]?.string, "\(answer.text)")
    }

    @Test("errors.csv lists each with its place and what to do, to be saved and never run")
    func errors() async throws {
        let api = try await APIFixture()
        let id = try await upload(api, "email,name\nmailto:a@b.co,A\nx@,\"B\"\n\"=1,2\",B\n")
        let answer = try await api.ask(.get, "/v1/imports/\(id)/errors.csv")
        #expect(answer.status == .ok)
        #expect(answer.headers[.contentType] == "text/csv; charset=utf-8")
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
        #expect(
            answer.headers[.contentDisposition]
                == "attachment; filename=\"M__rz-errors.csv\"; filename*=UTF-8''M%C3%A4rz-errors.csv")
        #expect(
            answer.text == """
                row,line,byte_offset,column,code,value,message,suggestion
                1,2,11,email,invalid_email,mailto:a@b.co,This is no e-mail address (name@example.com).,a@b.co
                2,3,27,email,invalid_email,x@,This is no e-mail address (name@example.com).,
                3,4,35,email,invalid_email,"=1,2",This is no e-mail address (name@example.com).,

                """)
        #expect(answer.headers[.errorsTotal] == "3" && answer.headers[.errorsStored] == "3")
        #expect(answer.headers[.formulas] == nil)
        let safe = try await api.ask(.get, "/v1/imports/\(id)/errors.csv?excel=safe")
        #expect(safe.text.hasPrefix("\u{FEFF}row,"))
        #expect(safe.text.contains(",\"'=1,2\",") && safe.headers[.formulas] != nil)
        #expect(try await api.ask(.get, "/v1/imports/\(id)/errors.csv?excel=yes").status == .unprocessableContent)
        let key = try await api.ask(.post, "/v1/keys", body: #"{"name":"k","scopes":["exports:read"]}"#).json["key"]
        #expect(try await api.ask(.get, "/v1/imports/\(id)/errors.csv", key: key?.string).status == .forbidden)
        #expect(try await api.ask(.get, "/v1/imports/\(id)/rejected.csv", key: key?.string).status == .forbidden)
    }

    @Test("errors.csv holds the first 10,000 and says how many more there are; the totals are exact")
    func cut() async throws {
        let api = try await APIFixture()
        let id = try await upload(api, "email,name\n" + String(repeating: "x@,B\n", count: 10_017))
        let lines = try await api.ask(.get, "/v1/imports/\(id)/errors.csv").text.split(separator: "\n")
        #expect(lines.count == 10_002)
        #expect(lines[10_000].hasPrefix("10000,10001,"))
        #expect(lines[10_001] == ",,,,more_errors,,17 more are not listed: the first 10000 of 10017 are kept.,")
        let text = try await api.ask(.get, "/v1/imports/\(id)", headers: [.accept: "text/plain"]).text
        #expect(text.contains("… and 9997 more (the first 10000 of them are kept):"), "\(text.suffix(500))")
        let rejected = try await api.ask(.get, "/v1/imports/\(id)/rejected.csv?annotate=true").text
        #expect(rejected.split(separator: "\n").count == 10_018)
        #expect(rejected.hasSuffix("\"The errors of this row are not kept: the file has too many.\",x@,B\n"))
    }

    @Test("rejected.csv gives the refused rows back as they came, in every mode", arguments: ImportMode.allCases)
    func rejected(mode: ImportMode) async throws {
        let api = try await APIFixture()
        let id = try await upload(
            api, "\u{FEFF}EMAIL;name\r\na@b.co;A\r\nx@;\"B\"\"\"\r\nc@b.co\r\n", mode: mode.rawValue)
        let answer = try await api.ask(.get, "/v1/imports/\(id)/rejected.csv")
        #expect(answer.status == .ok)
        #expect(answer.text == "\u{FEFF}EMAIL;name\r\nx@;\"B\"\"\"\r\nc@b.co\r\n")
        #expect(answer.headers[.contentType] == "text/csv; charset=utf-8")
        #expect(answer.headers[.xContentTypeOptions] == "nosniff")
        #expect(answer.headers[.contentDisposition]?.contains("M%C3%A4rz-rejected.csv") == true)
        let annotated = try await api.ask(.get, "/v1/imports/\(id)/rejected.csv?annotate=true&excel=safe")
        #expect(annotated.text.hasPrefix("\u{FEFF}\"_errors\";EMAIL;name\r\n\"row 2: invalid_email email: "))
        #expect(annotated.headers[.formulas] != nil)
    }

    @Test("rejected.csv says in words why there is nothing to hand back")
    func nothing() async throws {
        let api = try await APIFixture()
        func code(_ id: String) async throws -> (Int, String?) {
            let answer = try await api.ask(.get, "/v1/imports/\(id)/rejected.csv")
            return (answer.status.code, answer.json["code"]?.string)
        }
        let good = try await upload(api, "email\na@b.co\n", mode: "dry_run")
        #expect(try await code(good) == (404, "nothing_rejected"))
        let header = try await upload(api, "emial\nx@\n")
        #expect(try await code(header) == (409, "file_refused"))
        #expect(try await code(upload(api, "")) == (409, "file_refused"))
        let bad = try await upload(api, "email\nx@\n")
        for name in try api.uploads.names() where name.hasPrefix(bad) { api.uploads.remove(name) }
        #expect(try await code(bad) == (410, "rejected_rows_gone"))
        #expect(try await code("imp_none") == (404, "not_found"))
    }

    @Test("objects have a template, a Table Schema, and a page for people")
    func objects() async throws {
        let api = try await APIFixture()
        let template = try await api.ask(.get, "/v1/objects/deals/template.csv?group=g")
        #expect(template.text == ObjectCatalog.builtIn[.deals].template)
        #expect(template.headers[.contentDisposition] == "attachment; filename=\"deals.csv\"")
        let schema = try await api.ask(.get, "/v1/objects/customers/schema.json")
        #expect(schema.json["fields"]?.array?.first?["constraints"]?["required"] == true)
        #expect(schema.headers[.eTag] != nil)
        let page = try await api.ask(.get, "/v1/objects/customers", headers: [.accept: "text/markdown"])
        #expect(page.headers[.contentType] == "text/markdown; charset=utf-8")
        #expect(page.text.hasPrefix("# Customers\n"))
        #expect(try await api.ask(.get, "/v1/objects/customers").json["object"] == "customers")
        for path in ["", "/template.csv", "/schema.json"] {
            #expect(try await api.ask(.get, "/v1/objects/customers\(path)?group=g").status == .unprocessableContent)
            #expect(try await api.ask(.get, "/v1/objects/customer\(path)").status == .notFound)
        }
    }
}
