import CausewayCore
import FileStore
import Foundation
import HTTPTypes
import Hummingbird
import Imports
import Support
import Testing

@testable import CausewayAPI

@Suite("Imports over HTTP", .onEveryEngine)
struct ImportRouteTests {
    static let good = "email,name\na@example.com,A\n"
    static let bad = "email,name\na@example.com,A\nx@,B\n"

    func send(
        _ api: APIFixture, _ uri: String = "/v1/imports/customers", _ body: String = good, type: String? = "text/csv",
        method: HTTPRequest.Method = .put, key: String? = APIFixture.adminKey, headers: HTTPFields = [:]
    ) async throws -> TestAnswer {
        var headers = headers
        headers[.contentType] = type ?? ""
        return try await api.ask(method, uri, key: key, headers: headers, body: body)
    }

    func files(_ api: APIFixture) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: api.uploads.directory)
    }

    @Test("that are good are accepted and kept on disk for this user alone")
    func accepted() async throws {
        let api = try await APIFixture()
        let answer = try await send(api)
        #expect(answer.status == .accepted)
        #expect(answer.json["state"] == "forwarding")
        #expect(answer.json["rows"] == ["total": 1, "valid": 1, "invalid": 0, "forwarded": 0, "unprocessed": 1])
        #expect(answer.json["sha256"]?.string == Digest.sha256Hex(Self.good))
        #expect(answer.json["chunks"]?.array?.first?["state"] == "pending")
        let id = try #require(answer.json["id"]?.string)
        #expect(answer.headers[.location] == "/v1/imports/\(id)")
        #expect(try files(api) == ["\(id).csv"])
        let path = api.uploads.path("\(id).csv")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == Self.good)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        #expect(try await api.ask(.get, "/v1/imports/\(id)").json == answer.json)
        let row = try await api.ask(.get, "/v1/audit?resource=\(id)").json["data"]?.array?.first
        #expect(row?["action"] == "import.create")
        #expect(row?["detail"]?["force"] == false)
    }

    @Test("with a bad row are 422 with the row, and nothing stays on disk")
    func rejected() async throws {
        let api = try await APIFixture()
        let answer = try await send(api, "/v1/imports/customers", Self.bad)
        #expect(answer.status == .unprocessableContent)
        #expect(answer.json["state"] == "rejected")
        let first = try #require(answer.json["errors"]?["first"]?.array?.first)
        #expect(first["row"] == 2)
        #expect(first["line"] == 3)
        #expect(first["column"] == "email")
        #expect(first["code"] == "invalid_email")
        #expect(first["value"] == "x@")
        #expect(answer.json["rows"]?["unprocessed"] == 2)
        #expect(try files(api) == ["\(answer.json["id"]?.string ?? "").rejected.csv"])
        let id = try #require(answer.json["id"]?.string)
        let errors = try await api.ask(.get, "/v1/imports/\(id)/errors")
        #expect(errors.json["data"]?.array == [first])
        #expect(try await api.ask(.get, "/v1/imports?state=rejected&object=customers").json["data"]?.array?.count == 1)
        #expect(try await api.ask(.get, "/v1/imports?state=completed").json["data"]?.array?.count == 0)
    }

    @Test("are listed error by error, page by page")
    func pages() async throws {
        let api = try await APIFixture()
        let body = "email,name\n" + String(repeating: "x@,B\n", count: 130)
        let answer = try await send(api, "/v1/imports/customers", body)
        #expect(answer.json["errors"]?["total"] == 130)
        #expect(answer.json["errors"]?["stored"] == 130)
        let id = try #require(answer.json["id"]?.string)
        var rows: [JSONValue] = []
        var uri: String? = "/v1/imports/\(id)/errors?limit=60"
        while let asked = uri {
            let page = try await api.ask(.get, asked).json
            rows += page["data"]?.array?.compactMap { $0["row"] } ?? []
            uri = page["next_cursor"]?.string.map { "/v1/imports/\(id)/errors?limit=60&cursor=\($0)" }
        }
        #expect(rows == (1...130).map { .integer($0) })
    }

    @Test("as a form are read from its part `file`, with its name")
    func form() async throws {
        let api = try await APIFixture()
        func body(_ parts: [(String, String)]) -> String {
            parts.map { "--x\r\nContent-Disposition: form-data; \($0.0)\r\n\r\n\($0.1)\r\n" }.joined() + "--x--\r\n"
        }
        let type = "multipart/form-data; boundary=x"
        let good = try await send(
            api, "/v1/imports/customers", body([(#"name="file"; filename="my \"list\".csv""#, Self.good)]), type: type,
            method: .post)
        #expect(good.status == .accepted)
        #expect(good.json["filename"]?.string == "my \"list\".csv")
        #expect(good.json["size"] == .integer(Int64(Self.good.utf8.count)))
        let missing = try await send(api, "/v1/imports/customers", body([]), type: type)
        #expect(missing.status == .unprocessableContent)
        #expect(missing.json["errors"]?.array?.first?["code"] == "missing_part")
        let two = try await send(
            api, "/v1/imports/customers", body([("name=file", "a"), ("name=file", "b")]), type: type)
        #expect(two.json["errors"]?.array?.first?["code"] == "repeated")
        let other = try await send(api, "/v1/imports/customers", body([("name=mode", "dry_run")]), type: type)
        #expect(other.json["errors"]?.array?.first?["code"] == "unknown_part")
        let cut = try await send(
            api, "/v1/imports/customers", "--x\r\nContent-Disposition: form-data; name=file\r\n\r\nemail", type: type)
        #expect(cut.status == .badRequest)
        #expect(cut.json["code"] == "incomplete_body")
        #expect(try files(api).count == 1)
    }

    @Test("that are the same as one of the last seven days are 409 with its id, unless forced")
    func duplicates() async throws {
        let api = try await APIFixture()
        let id = try #require(try await send(api).json["id"]?.string)
        let second = try await send(api)
        #expect(second.status == .conflict)
        #expect(second.json["code"] == "duplicate_import")
        #expect(second.text.contains(id))
        #expect(try files(api) == ["\(id).csv"])
        #expect(try await send(api, "/v1/imports/customers?mode=dry_run").status == .ok)
        let forced = try await send(api, "/v1/imports/customers?force=true")
        #expect(forced.status == .accepted)
        let row = try await api.ask(.get, "/v1/audit?resource=\(forced.json["id"]?.string ?? "")")
        #expect(row.json["data"]?.array?.first?["detail"]?["force"] == true)
        // Those on their way count, for however long.
        api.time.advance(by: .seconds(7 * 86_400))
        #expect(try await send(api).status == .conflict)
    }

    @Test("that race with the same file are one import and a 409")
    func race() async throws {
        let api = try await APIFixture()
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<6 { group.addTask { try await send(api).status.code } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(statuses.sorted() == [202, 409, 409, 409, 409, 409])
        #expect(try files(api).count == 1)
    }

    @Test("larger than allowed are 413 by their length, and without one as they come")
    func tooLarge() async throws {
        let api = try await APIFixture()
        let large = "email\n" + String(repeating: "a@example.com\n", count: 80_000)
        #expect(try await send(api, "/v1/imports/customers", large).status == .contentTooLarge)
        let form = "--x\r\nContent-Disposition: form-data; name=file\r\n\r\n\(large.prefix(1_060_000))\r\n--x--\r\n"
        let answer = try await send(api, "/v1/imports/customers", form, type: "multipart/form-data; boundary=x")
        #expect(answer.status == .contentTooLarge)
        #expect(answer.json["detail"]?.string?.contains("imports.max_size") == true)
        #expect(try files(api) == [])
    }

    @Test(
        "of a type that is no CSV are 415",
        arguments: [
            ("application/json", 415), ("application/zip", 415), ("application/csv", 202),
            ("text/plain; charset=utf-8", 202), ("application/octet-stream", 202),
            ("application/x-www-form-urlencoded", 202), ("application/vnd.ms-excel", 202), ("TEXT/CSV", 202),
            ("multipart/form-data", 400),
        ])
    func types(type: String, status: Int) async throws {
        let api = try await APIFixture()
        #expect(try await send(api, type: type).status.code == status)
    }

    @Test("are read in the charset that the content type declares, of the body or of the form's part")
    func charset() async throws {
        let api = try await APIFixture()
        let text = try #require("email,name\na@example.com,Zoë\n".data(using: .windowsCP1252))
        let wrong = try await send(api, bytes: text, type: "text/csv")
        #expect(wrong.json["errors"]?["first"]?.array?.first?["code"] == "invalid_encoding")
        let raw = try await send(api, bytes: text, type: "text/csv; charset=\"Windows-1252\"")
        #expect(raw.status == .accepted)
        #expect(raw.json["encoding"] == "windows-1252")
        #expect(raw.json["normalized"] == true)
        let form =
            Data("--x\r\nContent-Disposition: form-data; name=file\r\n".utf8)
            + Data("Content-Type: text/csv;charset=latin1\r\n\r\n".utf8) + text + Data("\r\n--x--\r\n".utf8)
        let part = try await send(
            api, "/v1/imports/customers?force=true", bytes: form, type: "multipart/form-data; boundary=x")
        #expect(part.status == .accepted)
        #expect(part.json["encoding"] == "windows-1252")
        let unknown = try await send(api, type: "text/csv; charset=koi8-r")
        #expect(unknown.status == .unsupportedMediaType)
        #expect(unknown.json["code"] == "unsupported_charset")
        #expect(unknown.json["detail"]?.string?.contains("windows-1252") == true)
    }

    private func send(
        _ api: APIFixture, _ uri: String = "/v1/imports/customers", bytes: Data, type: String
    ) async throws -> TestAnswer {
        try await api.ask(.put, uri, headers: [.contentType: type], bytes: ByteBuffer(bytes: bytes))
    }

    @Test("of an unknown object, with a wrong parameter or without the group are told what to send")
    func requests() async throws {
        let api = try await APIFixture()
        let unknown = try await send(api, "/v1/imports/customer")
        #expect(unknown.status == .notFound)
        #expect(unknown.json["detail"]?.string?.contains("did you mean `customers`?") == true)
        for uri in [
            "/v1/imports/customers?mod=dry_run", "/v1/imports/customers?mode=some", "/v1/imports/customers?group=g",
            "/v1/imports/customers?send_invites=true", "/v1/imports/leads", "/v1/imports/deals?group=",
            "/v1/imports/partners?send_invites=yes", "/v1/imports/customers?approval=none",
        ] {
            #expect(try await send(api, uri).status == .unprocessableContent, "\(uri)")
        }
        let lead = "partner_key,email,first_name,last_name\np1,a@example.com,A,B\n"
        #expect(try await send(api, "/v1/imports/leads?group=g1", lead).status == .accepted)
    }

    @Test("need the scope of their object")
    func scopes() async throws {
        let api = try await APIFixture()
        let made = try await api.ask(
            .post, "/v1/keys", body: #"{"name":"c","scopes":["imports:write:customers"]}"#)
        let key = made.json["key"]?.string
        #expect(try await send(api, "/v1/imports/partners", "partner_key\np\n", key: key).status == .forbidden)
        let sent = try await send(api, key: key)
        #expect(sent.status == .accepted)
        let id = sent.json["id"]?.string ?? ""
        #expect(try await api.ask(.get, "/v1/imports/\(id)", key: key).status == .forbidden)
        #expect(try await api.ask(.post, "/v1/imports/\(id)/cancel", key: key).status == .ok)
    }

    @Test("for people are a table with the place, the value and what to do")
    func text() async throws {
        let api = try await APIFixture()
        let answer = try await send(api, "/v1/imports/customers", Self.bad, headers: [.accept: "text/plain"])
        #expect(answer.status == .unprocessableContent)
        #expect(answer.headers[.contentType]?.hasPrefix("text/plain") == true)
        #expect(answer.text.contains("1 of 2 rows cannot be imported"))
        let lines = answer.text.split(separator: "\n")
        let row = try #require(lines.first { $0.contains("invalid_email") })
        let caret = try #require(lines.first { $0.contains("^") })
        let place = row.range(of: "x@").map { row.distance(from: row.startIndex, to: $0.lowerBound) }
        #expect(caret.firstIndex(of: "^").map { caret.distance(from: caret.startIndex, to: $0) } == place)
        #expect(answer.text.contains("?mode=valid_rows"))
        #expect(
            answer.text.contains(
                "\n  curl -u \":$CAUSEWAY_KEY\" -H 'Accept: text/plain' -T customers.csv "
                    + "'http://localhost/v1/imports/customers?mode=valid_rows'\n"), "\(answer.text)")
    }

    @Test("held for approval go out when another key approves them, not the uploader's")
    func approval() async throws {
        let api = try await APIFixture()
        let held = try await send(api, "/v1/imports/customers?approval=required")
        #expect(held.json["state"] == "awaiting_approval")
        let path = "/v1/imports/\(held.json["id"]?.string ?? "")"
        #expect(try await api.ask(.post, "\(path)/approve").status == .forbidden)
        let made = try await api.ask(.post, "/v1/keys", body: #"{"name":"a","scopes":["imports:approve"]}"#)
        let approved = try await api.ask(.post, "\(path)/approve", key: made.json["key"]?.string)
        #expect(approved.status == .ok)
        #expect(approved.json["state"] == "forwarding")
    }

    @Test("cancelled in time are gone from disk; then nothing more can be done with them")
    func cancel() async throws {
        let api = try await APIFixture()
        let path = "/v1/imports/\(try await send(api).json["id"]?.string ?? "")"
        let cancelled = try await api.ask(.post, "\(path)/cancel")
        #expect(cancelled.json["state"] == "cancelled")
        #expect(try files(api) == [])
        #expect(try await api.ask(.post, "\(path)/cancel").status == .ok)
        #expect(try await api.ask(.post, "\(path)/retry").status == .conflict)
        let resolved = try await api.ask(.post, "\(path)/chunks/1/resolve", body: #"{"outcome":"imported"}"#)
        #expect(resolved.status == .conflict)
        #expect(try await api.ask(.post, "\(path)/chunks/1/resolve", body: "{}").status == .unprocessableContent)
        #expect(try await api.ask(.post, "\(path)/chunks/x/resolve", body: "{}").status == .notFound)
        #expect(try await send(api).status == .accepted)
    }

    @Test("that are unknown are 404")
    func missing() async throws {
        let api = try await APIFixture()
        for path in ["/v1/imports/imp_x", "/v1/imports/imp_00000000000000000000000000"] {
            #expect(try await api.ask(.get, path).status == .notFound)
            #expect(try await api.ask(.get, "\(path)/errors").status == .notFound)
            #expect(try await api.ask(.get, "\(path)/chunks").status == .notFound)
            #expect(try await api.ask(.post, "\(path)/retry").status == .notFound)
        }
    }

    @Test("have objects whose columns and rules can be asked for")
    func objects() async throws {
        let api = try await APIFixture()
        #expect(try await api.ask(.get, "/v1/objects").json["data"]?.array?.count == 6)
        #expect(try await api.ask(.get, "/v1/objects/rewards").json["resend"] == "unsafe")
        #expect(try await api.ask(.get, "/v1/objects/reward").status == .notFound)
    }
}
