import CSV
import Testing

@Suite("Reading CSV")
struct CSVReaderTests {
    static let files: [(name: String, text: String, cells: [[String]])] = [
        ("LF", "a,b\n1,2\n3,4\n", [["a", "b"], ["1", "2"], ["3", "4"]]),
        ("CRLF", "a,b\r\n1,2\r\n", [["a", "b"], ["1", "2"]]),
        ("CR", "a,b\r1,2\r3,4", [["a", "b"], ["1", "2"], ["3", "4"]]),
        ("mixed ends", "a,b\r\n1,2\n3,4\r5,6", [["a", "b"], ["1", "2"], ["3", "4"], ["5", "6"]]),
        ("no last end", "a,b\n1,2", [["a", "b"], ["1", "2"]]),
        ("last cell empty at the end", "a,b\n1,", [["a", "b"], ["1", ""]]),
        ("blank lines", "\n\r\na,b\n\n1,2\n\n\n", [["a", "b"], ["1", "2"]]),
        ("quotes", "a,b\n\"1,5\",\"x\"\n", [["a", "b"], ["1,5", "x"]]),
        ("doubled quotes", "a\n\"say \"\"hi\"\"\"\n", [["a"], ["say \"hi\""]]),
        ("only doubled quotes", "a,b\n\"\"\"\",\"\"\n", [["a", "b"], ["\"", ""]]),
        ("lines in quotes", "a,b\n\"1\r\n2\n3\r4\",x\n", [["a", "b"], ["1\r\n2\n3\r4", "x"]]),
        ("quote within a cell", "a,b\nx\"y\",z\"\n", [["a", "b"], ["x\"y\"", "z\""]]),
        ("byte order mark", "\u{FEFF}a,b\n1,2\n", [["a", "b"], ["1", "2"]]),
        ("beyond ASCII", "naïve,b\nZoë,日本\n🦊,x\n", [["naïve", "b"], ["Zoë", "日本"], ["🦊", "x"]]),
        ("spaces stay", "a,b\n 1 , \"x\" \n", [["a", "b"], [" 1 ", " \"x\" "]]),
    ]

    @Test("what people send comes out as its cells", arguments: files)
    func cells(file: (name: String, text: String, cells: [[String]])) throws {
        let reading = try read(Array(file.text.utf8))
        #expect(reading.cells == file.cells)
        #expect(reading.failure == nil)
        #expect(reading.records.allSatisfy { $0.problem == nil })
    }

    @Test("records know their number, physical line, offset and length")
    func places() throws {
        let text = "\u{FEFF}a,b\r\n\"x\ny\",2\n\n3,4"
        let reading = try read(Array(text.utf8))
        #expect(
            reading.records.map(\.description) == [
                "#0 line 1 at 3+5 [\"a\", \"b\"] ", "#1 line 2 at 8+8 [\"x\\ny\", \"2\"] ",
                "#2 line 5 at 17+3 [\"3\", \"4\"] ",
            ])
    }

    static let faults: [(name: String, bytes: [UInt8], said: [String])] = [
        (
            "an open quote is named where it opened and does not swallow the file",
            Array("a,b\n1,\"x\n2,y\n3,z\n".utf8),
            ["1: unclosed_quote line 2 at 6 cell 1", "2:", "3:"]
        ),
        (
            "an open quote in the last line", Array("a\n\"x".utf8), ["1: unclosed_quote line 2 at 2 cell 0"]
        ),
        (
            "text after a closing quote", Array("a,b\n\"x\"y,1\n2,3\n".utf8),
            ["1: text_after_quote line 2 at 7 cell 0", "2:"]
        ),
        (
            "a NUL", [97, 10, 98, 0, 99, 10, 100, 10], ["1: nul_byte line 2 at 3 cell 0", "2:"]
        ),
        (
            "a byte that is not UTF-8 ends the file", [97, 10, 98, 10, 0xE9, 10, 100],
            ["1:", "invalid_encoding line 3 at 4 cell 0"]
        ),
        (
            "a byte of Windows-1252 in a quoted line", Array("a,b\nx,\"1\n".utf8) + [0x93, 34, 10],
            ["invalid_encoding line 3 at 9 cell 1"]
        ),
        ("a surrogate in UTF-8", [97, 10, 0xED, 0xA0, 0x80], ["invalid_encoding line 2 at 2 cell 0"]),
        ("an overlong form", [97, 10, 0xC0, 0xAF], ["invalid_encoding line 2 at 2 cell 0"]),
        ("a sequence cut off by the line end", [97, 10, 0xE2, 0x82, 10], ["invalid_encoding line 2 at 2 cell 0"]),
        ("UTF-16 with a mark", [0xFF, 0xFE, 97, 0, 10, 0], ["invalid_encoding line 1 at 0 cell -1"]),
        ("UTF-16 without one", [97, 0, 44, 0, 98, 0, 10, 0], ["invalid_encoding line 1 at 0 cell -1"]),
        ("an Excel workbook", [0x50, 0x4B, 3, 4, 0, 0, 10, 1], ["binary_file line 1 at 0 cell -1"]),
        ("control bytes in the header", [97, 7, 98, 10, 99], ["binary_file line 1 at 1 cell 0"]),
        ("an open quote in the header", Array("a,\"b\n1,2\n".utf8), ["unclosed_quote line 1 at 2 cell 1"]),
    ]

    @Test("what is wrong is said with code and place", arguments: faults)
    func fault(file: (name: String, bytes: [UInt8], said: [String])) throws {
        let reading = try read(file.bytes)
        var said = reading.records.dropFirst().map { "\($0.number): \($0.problem ?? "")" }
        if let failure = reading.failure { said.append(failure) }
        #expect(said.map { $0.hasSuffix(": ") ? String($0.dropLast()) : $0 } == file.said)
    }

    @Test("the header's bounds end the reading")
    func headerBounds() throws {
        let wide = Array((0...1000).map { "c\($0)" }.joined(separator: ",").utf8)
        #expect(try read(wide).failure?.hasPrefix("too_many_columns") == true)
        #expect(try read(Array(wide.dropLast(6))).failure == nil)
        let long = [UInt8](repeating: 97, count: 32 << 10)
        #expect(try read(long + [10]).failure == nil)
        #expect(try read(long + [97, 10]).failure?.hasPrefix("header_too_long") == true)
    }

    @Test("a cell, a record and its lines have bounds of their own")
    func recordBounds() throws {
        func problem(_ cell: String) throws -> [String] {
            let reading = try read(Array("a,b\n\(cell),1\n2,3\n".utf8))
            #expect(reading.failure == nil)
            return reading.records.dropFirst().map { String(($0.problem ?? "").prefix { $0 != " " }) }
        }
        #expect(try problem(String(repeating: "ü", count: 32_000)) == ["", ""])
        #expect(try problem(String(repeating: "ü", count: 32_001)) == ["cell_too_long", ""])
        #expect(try problem("\"" + String(repeating: "\"\"", count: 32_000) + "\"") == ["", ""])
        #expect(try problem(String(repeating: "x", count: 500_000)) == ["record_too_long", ""])
        #expect(try problem("\"" + String(repeating: "x\n", count: 99) + "\"") == ["", ""])
        let open = try problem("\"" + String(repeating: "x\n", count: 100) + "\"")
        // The line that closes the quote opens one when it is read afresh.
        #expect(open == ["unclosed_quote"] + [String](repeating: "", count: 99) + ["unclosed_quote", ""])
    }

    @Test("a quote open over 400 KiB in few lines is cut where its line ends")
    func openQuoteOverLongLines() throws {
        let text =
            "a,b\n1,\"x\n" + (0..<5).map { "\($0)," + String(repeating: "y", count: 100_000) }.joined(separator: "\n")
        let reading = try read(Array(text.utf8))
        #expect(reading.records.count == 7)
        #expect(reading.records[1].problem == "unclosed_quote line 2 at 6 cell 1")
        #expect(reading.records[2].cells.first == "0")
    }

    @Test(
        "the delimiter is the one that makes known names appear",
        arguments: [
            ("email;name,first;x\n", CSVDelimiter.semicolon), ("email,name\n", .comma), ("email\tname", .tab),
            ("\n\"email\"|\"na|me\"\n", .pipe), ("what;ever\n", .comma),
        ])
    func delimiter(header: String, expected: CSVDelimiter) throws {
        var reader = CSVReader(isKnownHeader: { $0 == "email" || $0 == "name" })
        let reading = try drain(&reader, Array(header.utf8))
        #expect(reader.dialect.delimiter == expected)
        #expect(reading.records.count == 1)
    }

    @Test("what was met on the way is told")
    func dialect() throws {
        func dialect(_ text: String) throws -> CSVDialect {
            var reader = CSVReader()
            _ = try drain(&reader, Array(text.utf8))
            return reader.dialect
        }
        #expect(try dialect("a,b\n1,2\r\n").isPlain)
        #expect(try dialect("a,b\n1,2\r\n").lineEnds == [.lineFeed, .carriageReturnLineFeed])
        #expect(try !dialect("a,b\r1,2\r").isPlain)
        #expect(try dialect("\u{FEFF}a\n").hasByteOrderMark)
        #expect(try !dialect("\na\n").isPlain)
    }

    @Test("a handler's error stops the reading")
    func handlerThrows() {
        struct Full: Error {}
        #expect(throws: Full.self) {
            var reader = CSVReader()
            let bytes = Array("a\nb\n".utf8)
            try unsafe reader.feed(bytes.span.bytes) { _, _, _ in throw Full() }
        }
    }
}
