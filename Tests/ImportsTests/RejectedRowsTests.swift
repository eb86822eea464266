import CSV
import FileStore
import Foundation
import Support
import Testing

@testable import Imports

@Suite("Refused rows handed back")
struct RejectedRowsTests {
    private func rejected(_ text: String, _ form: RejectedForm = RejectedForm()) throws -> String {
        String(decoding: try rejected(Array(text.utf8), form), as: UTF8.self)
    }

    private func rejected(
        _ file: [UInt8], charset: CSVCharset? = nil, _ form: RejectedForm = RejectedForm()
    ) throws -> [UInt8] {
        let directory = try TemporaryDirectory()
        let path = directory.file("upload.csv")
        try Data(file).write(to: URL(filePath: path))
        let object = ImportObject.customers
        let checked = try CheckedFile(file, as: object, charset: charset)
        var writer = RejectedWriter(
            form, delimiter: checked.summary.dialect.delimiter, encoding: checked.summary.encoding,
            problems: checked.problems,
            areAllKept: checked.problems.count == checked.summary.totalProblems)
        var bytes: [UInt8] = []
        try RejectedRows(schema: ObjectCatalog.builtIn[object], summary: checked.summary, path: path).read {
            piece, content in
            unsafe content.withUnsafeBytes { unsafe writer.append(piece, Array($0)[...], to: &bytes) }
        }
        return bytes
    }

    @Test(
        "are in the file's own encoding, what stands before the header too",
        arguments: [String.Encoding.utf16LittleEndian, .utf16BigEndian, .windowsCP1252])
    func encodings(encoding: String.Encoding) throws {
        let mark = encoding == .windowsCP1252 ? "" : "\u{FEFF}"
        let text = "\(mark)sep=;\r\nemail;name\r\na@b.co;Bée\r\nx@;Québec €\r\n;;\r\n"
        let expected = "\(mark)sep=;\r\nemail;name\r\nx@;Québec €\r\n"
        func bytes(_ text: String) throws -> [UInt8] { Array(try #require(text.data(using: encoding))) }
        let charset: CSVCharset? = encoding == .windowsCP1252 ? .windows1252 : nil
        #expect(try rejected(bytes(text), charset: charset) == bytes(expected))
        let annotated = String(
            decoding: try rejected(bytes(text), charset: charset, RejectedForm(isAnnotated: true)), as: UTF8.self)
        #expect(annotated.contains(",x@;Québec €\r\n") || annotated.contains("\";x@;Québec €\r\n"), "\(annotated)")
    }

    @Test(
        "are byte for byte as they came, the header first",
        arguments: [
            ("email,name\na@b.co,A\nx@,B\r\n", "email,name\nx@,B\r\n"),
            (
                "\u{FEFF}EMAIL;name\r\n\"x@\" ;\"B\"\"\"\r\na@b.co;A\r\nc@;C",
                "\u{FEFF}EMAIL;name\r\n\"x@\" ;\"B\"\"\"\r\nc@;C"
            ),
            ("\n\nemail,name\nx@,\"two\nlines\"\n\na@b.co,A\n,\n", "\n\nemail,name\nx@,\"two\nlines\"\n"),
            ("email,name\na@b.co,\"open\nb@b.co,B\nc@b.co\n", "email,name\na@b.co,\"open\nc@b.co\n"),
        ])
    func asTheyCame(text: String, expected: String) throws {
        #expect(try rejected(text) == expected)
    }

    @Test("with their errors first, so that rows with a cell too many keep their shape")
    func annotated() throws {
        let text = "email,name\na@b.co,A\nmailto:x@b.co,B\nb@b.co,B,C\n,D\nc@b.co,\"open\n"
        let lines = try rejected(text, RejectedForm(isAnnotated: true)).split(separator: "\n")
        #expect(lines[0] == "\"_errors\",email,name")
        #expect(
            lines[1]
                == "\"row 2: invalid_email email: This is no e-mail address (name@example.com). Put: x@b.co\",mailto:x@b.co,B"
        )
        #expect(lines[2].hasPrefix("\"row 3: ragged_row: The row has 3 cells"))
        #expect(lines[2].hasSuffix("\",b@b.co,B,C"))
        #expect(lines[3] == "\"row 4: required email: email is required. Fill it.\",,D")
        #expect(lines[4].hasPrefix("\"row 5: unclosed_quote name: "))
        #expect(lines[4].hasSuffix(",\"c@b.co,\"\"open\""))
        #expect(lines.count == 5)
    }

    @Test("with apostrophes before formulas where a spreadsheet is to open them")
    func forExcel() throws {
        let text = "email,name\n=x@,\"=1+1\"\nx@,-5\n"
        #expect(try rejected(text, RejectedForm(isForExcel: true)) == "\u{FEFF}email,name\n'=x@,\"'=1+1\"\nx@,-5\n")
    }

    @Test("beyond the bound of a row are handed back whole")
    func tooLong() throws {
        let long = "a@b.co,\"" + String(repeating: "x", count: 3 << 20) + "\"\n"
        let text = "email,name\na@b.co,A\n" + long + "x@,B\n"
        #expect(try rejected(text) == "email,name\n" + long + "x@,B\n")
    }

    @Test("are the same after they lay in a file, whatever its pieces are")
    func stored() async throws {
        let rows = (0..<30_000).map { $0 % 3 == 0 ? "x\($0)@,B\n" : "a\($0)@b.co,A\n" }
        let text = "email,name\n" + rows.joined()
        let directory = try TemporaryDirectory()
        let path = directory.file("upload.csv")
        try Data(text.utf8).write(to: URL(filePath: path))
        let checked = try CheckedFile(text, as: .customers)
        let files = try LocalFileStore(directory: directory.file("files"))
        let found = RejectedRows(schema: ObjectCatalog.builtIn[.customers], summary: checked.summary, path: path)
        try RejectedFile.write(found, as: "x.rejected.csv", in: files)
        let file = try #require(try await files.open("x.rejected.csv"))
        let writer = RejectedWriter(RejectedForm(), delimiter: .comma, encoding: .utf8, problems: [], areAllKept: true)
        var bytes: [UInt8] = []
        for try await chunk in RejectedContent(filename: "x", file: file, writer: writer).chunks() { bytes += chunk }
        let expected = "email,name\n" + rows.filter { $0.contains("@,") }.joined()
        #expect(String(decoding: bytes, as: UTF8.self) == expected)
        let mode = try FileManager.default.attributesOfItem(atPath: files.path("x.rejected.csv"))[.posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o600)
    }
}
