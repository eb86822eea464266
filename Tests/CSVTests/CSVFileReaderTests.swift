import CSV
import Testing

@Suite("Files in other encodings")
struct CSVFileReaderTests {
    static let text = "email,name\r\nzoe@example.com,Zoë\n\"a\nb\",€ “x”\n"

    struct FileReading {
        var reading: Reading
        var encoding: CSVEncoding
        var isTranscoded: Bool
        var dialect: CSVDialect
        var kind: CSVForeignKind?
    }

    /// Reads `bytes`, fed in parts that end at each of `cuts`.
    static func read(
        _ bytes: [UInt8], declared: CSVCharset? = nil, cuts: [Int] = [], limits: CSVLimits = CSVLimits()
    ) throws -> FileReading {
        let known = ["email", "name"]
        var reader = CSVFileReader(declared: declared, isKnownHeader: { known.contains($0) }, limits: limits)
        var reading = Reading()
        func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
            reading.records.append(ReadRecord(record, bytes, cells))
        }
        var start = 0
        for cut in cuts + [bytes.count] {
            try unsafe reader.feed(Array(bytes[start..<cut]).span.bytes, take)
            start = cut
        }
        try reader.finish(take)
        reading.failure = reader.failure?.summary
        reading.lineEnds = reader.dialect.lineEnds.rawValue
        #expect(reader.byteCount == bytes.count)
        return FileReading(
            reading: reading, encoding: reader.encoding, isTranscoded: reader.isTranscoded, dialect: reader.dialect,
            kind: reader.failure?.kind)
    }

    static func encoded(_ text: String, _ encoding: CSVEncoding) throws -> [UInt8] {
        try #require(PlainText.encode(text, as: encoding))
    }

    @Test(
        "are read as what their first bytes prove, or as what is declared",
        arguments: [
            (CSVEncoding.utf8, "", nil, CSVEncoding.utf8), (.utf8, "\u{FEFF}", nil, .utf8),
            (.utf16LittleEndian, "", nil, .utf16LittleEndian),
            (.utf16LittleEndian, "\u{FEFF}", nil, .utf16LittleEndian),
            (.utf16BigEndian, "", nil, .utf16BigEndian), (.utf16BigEndian, "\u{FEFF}", nil, .utf16BigEndian),
            (.windows1252, "", CSVCharset.windows1252, .windows1252),
            (.utf16BigEndian, "", .utf16, .utf16BigEndian), (.utf16LittleEndian, "", .utf16, .utf16LittleEndian),
            (.utf16LittleEndian, "", .utf16LittleEndian, .utf16LittleEndian),
            // What the bytes prove goes before what is declared.
            (.utf16LittleEndian, "\u{FEFF}", .utf16BigEndian, .utf16LittleEndian),
            (.utf16BigEndian, "", .utf8, .utf16BigEndian), (.utf8, "\u{FEFF}", .windows1252, .utf8),
            (.utf16BigEndian, "\u{FEFF}", .windows1252, .utf16BigEndian),
        ])
    func detection(written: CSVEncoding, mark: String, declared: CSVCharset?, expected: CSVEncoding) throws {
        let bytes = try Self.encoded(mark + Self.text, written)
        let read = try Self.read(bytes, declared: declared)
        #expect(read.encoding == expected)
        #expect(read.reading.failure == nil)
        #expect(read.reading.cells == [["email", "name"], ["zoe@example.com", "Zoë"], ["a\nb", "€ “x”"]])
        #expect(read.isTranscoded == (written != .utf8))
        #expect(read.dialect.hasByteOrderMark == !mark.isEmpty)
    }

    static let broken: [(bytes: [UInt8], declared: CSVCharset?, said: String, kind: CSVForeignKind?)] = [
        (Array("email\nZo".utf8) + [0xEB, 10], nil, "invalid_encoding line 2 at 8 cell 0", nil),
        (Array("email\na,\"\nZo".utf8) + [0x81, 34, 10], .windows1252, "invalid_encoding line 3 at 12 cell 0", nil),
        ([0xFF, 0xFE, 97, 0, 10, 0, 0, 0xD8, 98, 0], nil, "invalid_encoding line 2 at 5 cell 0", nil),
        ([0xFF, 0xFE, 97, 0, 10, 0, 0, 0xDC], nil, "invalid_encoding line 2 at 5 cell 0", nil),
        ([0xFF, 0xFE, 97, 0, 10, 0, 0, 0xD8], nil, "invalid_encoding line 2 at 5 cell 0", nil),
        ([0xFE, 0xFF, 0, 97, 0, 10, 0, 98, 0], nil, "invalid_encoding line 2 at 6 cell 0", nil),
        ([0xFF, 0xFE, 0, 0, 97, 0, 0, 0], nil, "invalid_encoding line 1 at 0 cell -1", .utf32),
        (Array("email,name\n".utf8), .utf16, "invalid_encoding line 1 at 0 cell -1", .notAsDeclared),
        ([0x50, 0x4B, 3, 4, 20, 0, 10], .windows1252, "binary_file line 1 at 0 cell -1", .workbook),
        ([0xD0, 0xCF, 0x11, 0xE0, 1, 10], .utf16, "binary_file line 1 at 0 cell -1", .oldWorkbook),
    ]

    @Test("what cannot be decoded is named at its place in the text", arguments: broken)
    func faults(bytes: [UInt8], declared: CSVCharset?, said: String, kind: CSVForeignKind?) throws {
        let whole = try Self.read(bytes, declared: declared)
        #expect(whole.reading.failure == said)
        #expect(whole.kind == kind)
        for cut in 0...bytes.count {
            #expect(try Self.read(bytes, declared: declared, cuts: [cut]).reading == whole.reading)
        }
    }

    @Test("a record beyond its bounds that ends in half a character does not hide it")
    func brokenBehindLongRecord() throws {
        var limits = CSVLimits()
        limits.record = 10
        let bytes = Array("email\n".utf8) + [UInt8](repeating: 97, count: 50) + [0x81]
        let read = try Self.read(bytes, declared: .windows1252, limits: limits)
        #expect(read.reading.records.map(\.problem) == [nil, "record_too_long line 2 at 6 cell -1"])
        #expect(read.reading.failure?.hasPrefix("invalid_encoding") == true)
    }

    @Test("ASCII declared as Windows-1252 is the same bytes in UTF-8")
    func asciiStays() throws {
        let read = try Self.read(Array("email,name\na,b\n".utf8), declared: .windows1252)
        #expect(read.encoding == .windows1252)
        #expect(!read.isTranscoded)
    }

    @Test("the labels that people write are known, others are not")
    func labels() {
        #expect(CSVCharset(label: "Windows-1252") == .windows1252)
        #expect(CSVCharset(label: "ISO-8859-1") == .windows1252)
        #expect(CSVCharset(label: "UTF-16") == .utf16)
        #expect(CSVCharset(label: "utf8") == .utf8)
        #expect(CSVCharset(label: "shift_jis") == nil)
        #expect(CSVCharset(label: "iso-8859-15") == nil)
    }

    @Test("each byte of Windows-1252 means what others say it means, and comes back")
    func windows1252() throws {
        // A NUL is no good in a CSV, but is no other byte either.
        let nul: [UInt8] = [0]
        #expect(unsafe CSVEncoding.windows1252.bytes(of: nul.span.bytes) == nul)
        for byte in UInt8.min...UInt8.max where ![0x81, 0x8D, 0x8F, 0x90, 0x9D, 0, 10, 13, 34, 44].contains(byte) {
            let bytes = Array("email\nx".utf8) + [byte]
            let read = try Self.read(bytes, declared: .windows1252)
            let text = PlainText.decode([byte], as: .windows1252)
            #expect(read.reading.cells.last == ["x" + String(decoding: text, as: UTF8.self)])
            #expect(unsafe CSVEncoding.windows1252.bytes(of: text.span.bytes) == [byte])
        }
    }

    @Test("the bytes of each record come back as they came", arguments: CSVEncoding.allCases)
    func inverse(encoding: CSVEncoding) throws {
        let mark = encoding == .windows1252 ? "" : "\u{FEFF}"
        let bytes = try Self.encoded(mark + Self.text, encoding)
        let read = try Self.read(bytes, declared: encoding == .windows1252 ? .windows1252 : nil)
        let text = Array((mark + Self.text).utf8)
        #expect(unsafe encoding.bytes(of: text.span.bytes) == bytes)
        let records = read.reading.records.map { Array(text[$0.offset..<$0.offset + $0.bytes]) }
        let back = records.flatMap { unsafe encoding.bytes(of: $0.span.bytes) }
        #expect(try Self.encoded(mark, encoding) + back == bytes)
    }

    /// Every file of the readers' tables, in every encoding that has its characters.
    static let files: [Written] = CSVReaderComparisonTests.inputs.flatMap { bytes in
        CSVEncoding.allCases.compactMap { encoding -> Written? in
            guard encoding != .utf8, let text = String(validating: bytes, as: UTF8.self),
                let written = PlainText.encode(text, as: encoding), written.count > 4,
                // Zeros that prove UTF-16, whatever is declared.
                encoding != .windows1252 || !bytes.prefix(4).contains(0)
            else { return nil }
            return (written, CSVCharset(rawValue: encoding.rawValue), encoding)
        }
    }
    typealias Written = (bytes: [UInt8], declared: CSVCharset?, encoding: CSVEncoding)

    @Test("all that comes out is the same wherever the parts end", arguments: files)
    func everySplit(bytes: [UInt8], declared: CSVCharset?, encoding: CSVEncoding) throws {
        for limits in [CSVLimits(), CSVReaderComparisonTests.tight] {
            let whole = try Self.read(bytes, declared: declared, limits: limits)
            #expect(whole.encoding == encoding || whole.reading.failure != nil)
            if whole.dialect.delimiter == .comma, whole.encoding == encoding {
                let text = PlainText.decode(bytes, as: encoding)
                #expect(whole.reading == PlainReader.read(text, limits: limits))
            }
            let single = try Self.read(bytes, declared: declared, cuts: Array(0...bytes.count), limits: limits)
            #expect(single.reading == whole.reading)
            for cut in 0...bytes.count {
                let parts = try Self.read(bytes, declared: declared, cuts: [cut], limits: limits)
                #expect(parts.reading == whole.reading)
                #expect(parts.dialect == whole.dialect)
            }
        }
    }

    @Test("random bytes decode as a plain decoder has it", arguments: 0..<4)
    func random(seed: UInt64) throws {
        var generator = SplitMix(state: seed)
        let encodings: [CSVEncoding] = [.utf16LittleEndian, .utf16BigEndian, .windows1252]
        for round in 0..<600 {
            let encoding = encodings[round % 3]
            var text = "email,name\n"
            for _ in 0..<Int.random(in: 0...40, using: &generator) {
                text += ["a", ",", "\n", "é", "€", "abcdefghijkl", "\""].randomElement(using: &generator) ?? ""
                if encoding != .windows1252, Bool.random(using: &generator) { text += "🦊" }
            }
            var bytes = try Self.encoded(text, encoding)
            if Bool.random(using: &generator) {
                bytes[Int.random(in: 8..<bytes.count, using: &generator)] = UInt8.random(in: 1...255, using: &generator)
            }
            if Bool.random(using: &generator) { bytes.removeLast() }
            let cuts = (0..<3).map { _ in Int.random(in: 0...bytes.count, using: &generator) }.sorted()
            let read = try Self.read(bytes, declared: CSVCharset(rawValue: encoding.rawValue), cuts: cuts)
            var expected = PlainReader.read(PlainText.decode(bytes, as: encoding))
            if read.dialect.delimiter != .comma { expected = read.reading }
            guard read.reading == expected else {
                Issue.record("\(encoding) \(bytes)\n\(read.reading)\n---\n\(expected)")
                return
            }
        }
    }

    static let announced: [(text: String, delimiter: CSVDelimiter, cells: [[String]])] = [
        ("sep=;\nemail;name\na,b;c\n", .semicolon, [["email", "name"], ["a,b", "c"]]),
        ("sep=;\r\nemail\r\n1,5\r\n", .semicolon, [["email"], ["1,5"]]),
        ("\u{FEFF}SEP=|\remail|name\r1|2", .pipe, [["email", "name"], ["1", "2"]]),
        ("\"sep=\t\"\nemail\tname\n", .tab, [["email", "name"]]),
        ("sep=,\n\nemail,name\n", .comma, [["email", "name"]]),
        // The header says otherwise.
        ("sep=;\nemail,name\n1,2\n", .comma, [["email", "name"], ["1", "2"]]),
        // No delimiter of ours, so a header like any other.
        ("sep=.\nx\n", .comma, [["sep=."], ["x"]]),
        ("sep=;", .semicolon, []), ("sep=;\r\n\r\n", .semicolon, []),
    ]

    @Test("a first line that only names the delimiter is heeded and passed over", arguments: announced)
    func separatorLine(text: String, delimiter: CSVDelimiter, cells: [[String]]) throws {
        let bytes = Array(text.utf8)
        let whole = try Self.read(bytes)
        #expect(whole.reading.cells == cells)
        #expect(whole.dialect.delimiter == delimiter)
        let isSeparator = !text.hasPrefix("sep=.")
        #expect(whole.dialect.hasSeparatorLine == isSeparator)
        #expect(!isSeparator || !whole.dialect.isPlain)
        if isSeparator, let header = whole.reading.records.first {
            #expect(header.line == (text.contains("\n\n") ? 3 : 2))
        }
        for cut in 0...bytes.count {
            let parts = try Self.read(bytes, cuts: [cut])
            #expect(parts.reading == whole.reading)
            #expect(parts.dialect == whole.dialect)
        }
    }
}
