import CSV

/// What a reader said about one record, in a form that can be compared.
struct ReadRecord: Hashable, CustomStringConvertible {
    var number: Int
    var line: Int
    var offset: Int
    var bytes: Int
    var cells: [String]
    var problem: String?

    var description: String {
        "#\(number) line \(line) at \(offset)+\(bytes) \(cells) \(problem ?? "")"
    }
}

extension ReadRecord {
    init(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        self.init(
            number: record.number, line: record.line, offset: record.byteOffset, bytes: record.byteCount,
            cells: cells.indices.map { cells[$0].text(in: bytes) }, problem: record.problem?.summary)
    }
}

/// All that came out of one file.
struct Reading: Hashable, CustomStringConvertible {
    var records: [ReadRecord] = []
    var failure: String?
    var lineEnds: UInt8 = 0

    var description: String {
        (records.map(\.description) + [failure ?? "read"]).joined(separator: "\n")
    }

    /// The cells of the records, header first.
    var cells: [[String]] { records.map(\.cells) }
}

extension CSVProblem {
    var summary: String { "\(code.rawValue) line \(line) at \(byteOffset) cell \(cell ?? -1)" }
}

/// Reads `bytes` through the fast reader, fed in parts that end at each of `cuts`.
func read(
    _ bytes: [UInt8], cuts: [Int] = [], delimiter: CSVDelimiter = .comma, limits: CSVLimits = CSVLimits()
) throws -> Reading {
    var reader = CSVReader(delimiter: delimiter, limits: limits)
    return try drain(&reader, bytes, cuts: cuts)
}

func drain(_ reader: inout CSVReader, _ bytes: [UInt8], cuts: [Int] = []) throws -> Reading {
    var reading = Reading()
    func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        reading.records.append(ReadRecord(record, bytes, cells))
    }
    var start = 0
    for cut in cuts + [bytes.count] {
        let part = Array(bytes[start..<cut])
        try unsafe reader.feed(part.span.bytes, take)
        start = cut
    }
    try reader.finish(take)
    reading.failure = reader.failure?.summary
    reading.lineEnds = reader.dialect.lineEnds.rawValue
    return reading
}
