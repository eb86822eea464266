import CausewayCore
import HTTPTypes
import Support
import Testing

@Suite("All parts of an export as one", .onEveryEngine)
struct DataRouteTests {
    private static let header = "id,name,note\n"
    private static let first = header + "1,\"Ann, Lee\",\"says \"\"hi\"\"\"\n2,Bob,\n"
    // With a byte order mark, CRLF, a line end within a cell, and none at the end.
    private static let second = "\u{FEFF}id,name,note\r\n3,Zoë,\"two\nlines\\\"\r\n4,Dan"

    @Test("CSV has one header, and every row as it came")
    func csv() async throws {
        let (api, path) = try await Self.fixture(Self.first, Self.second, Self.header)
        let answer = try await api.ask(.get, path)
        #expect(answer.status == .ok)
        #expect(answer.text == Self.first + "3,Zoë,\"two\nlines\\\"\r\n4,Dan\r\n")
        #expect(answer.headers[.contentType] == "text/csv; charset=utf-8")
        #expect(answer.headers[.contentDisposition]?.hasPrefix("attachment; filename=\"exp_") == true)
        #expect(answer.headers[.vary] == "Accept, Accept-Encoding")
    }

    @Test(
        "NDJSON is one object a row, each value the cell's text",
        arguments: ["application/x-ndjson", "application/ndjson"])
    func ndjson(_ type: String) async throws {
        let (api, path) = try await Self.fixture(Self.first, Self.second)
        let answer = try await api.ask(.get, path, headers: [.accept: type])
        #expect(answer.headers[.contentType] == "application/x-ndjson")
        let rows = try answer.text.split(separator: "\n").map { try JSONValue(parsing: String($0)) }
        #expect(
            rows == [
                ["id": "1", "name": "Ann, Lee", "note": "says \"hi\""], ["id": "2", "name": "Bob", "note": ""],
                ["id": "3", "name": "Zoë", "note": "two\nlines\\"], ["id": "4", "name": "Dan", "note": ""],
            ])
        #expect(answer.text.hasPrefix("{\"id\":\"1\",\"name\":"), "columns keep their order")
    }

    @Test(
        "`columns` picks and orders",
        arguments: [
            ("text/csv", "note,id", "note,id\n\"says \"\"hi\"\"\",1\n,2\n"),
            ("text/csv", "note", "note\n\"says \"\"hi\"\"\"\n\"\"\n"),
            ("application/x-ndjson", "name", "{\"name\":\"Ann, Lee\"}\n{\"name\":\"Bob\"}\n"),
        ])
    func columns(_ type: String, _ columns: String, _ text: String) async throws {
        let (api, path) = try await Self.fixture(Self.first)
        let answer = try await api.ask(.get, "\(path)?columns=\(columns)", headers: [.accept: type])
        #expect(answer.text == text)
    }

    @Test("A column whose name holds a comma is given in quotes")
    func quotedColumn() async throws {
        let (api, path) = try await Self.fixture("\"a,b\",c\n1,2\n")
        #expect(try await api.ask(.get, "\(path)?columns=c,%22a,b%22").text == "c,\"a,b\"\n2,1\n")
    }

    @Test(
        "What `columns` gets wrong is said",
        arguments: [
            ("nme", "unknown_column", "name"), ("name,name", "invalid_columns", "twice"),
            ("", "invalid_columns", "commas"), ("%22name", "invalid_columns", "commas"),
        ])
    func wrongColumns(_ columns: String, _ code: String, _ word: String) async throws {
        let (api, path) = try await Self.fixture(Self.first)
        let answer = try await api.ask(.get, "\(path)?columns=\(columns)")
        #expect(answer.status == .unprocessableContent)
        let error = answer.json["errors"]?.array?.first
        #expect(error?["field"] == "columns" && error?["code"]?.string == code)
        #expect(error?["detail"]?.string?.contains(word) == true)
    }

    @Test("Parts with differing headers are refused with both")
    func different() async throws {
        let (api, path) = try await Self.fixture(Self.first, "id,note,name\n9,x,y\n")
        let answer = try await api.ask(.get, path)
        #expect(answer.status == .conflict && answer.json["code"] == "different_headers")
        let detail = answer.json["detail"]?.string ?? ""
        #expect(detail.contains("part0.csv has id,name,note") && detail.contains("part1.csv has id,note,name"))
    }

    @Test(
        "What is no table is refused before a byte of it goes out",
        arguments: [
            ("PK\u{3}\u{4}zip", "unreadable_file"), ("a,\"b\n1,2\n", "unreadable_file"),
            ("a,a\n1,2\n", "ambiguous_column"),
        ])
    func unreadable(_ text: String, _ code: String) async throws {
        let (api, path) = try await Self.fixture(text)
        let answer = try await api.ask(.get, path, headers: [.accept: "application/x-ndjson"])
        #expect(answer.status == .conflict && answer.json["code"]?.string == code)
    }

    @Test("The tag is the answer's own: another for each format, column list and coding; the same gives 304")
    func tags() async throws {
        let (api, path) = try await Self.fixture(Self.first)
        var tags: Set<String> = []
        for (query, headers) in [
            ("", [:]), ("?columns=id", [:]), ("", [.accept: "application/x-ndjson"]), ("", [.acceptEncoding: "gzip"]),
        ] as [(String, HTTPFields)] {
            let answer = try await api.ask(.get, path + query, headers: headers)
            let tag = try #require(answer.headers[.eTag])
            #expect(tags.insert(tag).inserted)
            var again = headers
            again[.ifNoneMatch] = tag
            #expect(try await api.ask(.get, path + query, headers: again).status == .notModified)
        }
    }

    @Test(
        "Accept is weighed as RFC 9110 has it",
        arguments: [
            ("*/*", 200, "text/csv; charset=utf-8"),
            ("text/*, application/x-ndjson;q=0.5", 200, "text/csv; charset=utf-8"),
            ("text/csv;q=0.1, application/x-ndjson", 200, "application/x-ndjson"),
            ("text/csv;q=0, */*", 200, "application/x-ndjson"), ("application/json", 406, "application/problem+json"),
            ("text/csv;q=0", 406, "application/problem+json"),
        ])
    func accept(_ accept: String, _ status: Int, _ type: String) async throws {
        let (api, path) = try await Self.fixture(Self.first)
        let answer = try await api.ask(.get, path, headers: [.accept: accept])
        #expect(answer.status.code == status && answer.headers[.contentType] == type)
    }

    @Test("An export without files says so; an unknown one is 404")
    func nothing() async throws {
        let (api, path) = try await Self.fixture()
        let none = try await api.ask(.get, path)
        #expect(none.status == .conflict && none.json["code"] == "no_files")
        #expect(try await api.ask(.get, "/v1/exports/exp_none/data").status == .notFound)
    }

    private static func fixture(_ parts: String...) async throws -> (APIFixture, String) {
        let api = try await APIFixture()
        let path = try await MirroredExport.make(
            api, parts.enumerated().map { ("part\($0.offset).csv", $0.element) })
        return (api, "\(path)/data")
    }
}
