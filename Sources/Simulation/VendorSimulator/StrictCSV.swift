/// CSV after RFC 4180 and nothing else: UTF-8 without a byte order mark, commas, LF or CRLF, quotes around whole
/// cells. Kept apart from the gateway's own reader on purpose: a mistake in one is not hidden by the same in the
/// other.
struct StrictCSV {
    struct Row {
        let cells: [String]
        /// Where the row stands in the file, its line end left out.
        let range: Range<Int>
    }

    struct Malformed: Error {
        /// From 1, the header included.
        let record: Int
        let reason: String
    }

    private let bytes: [UInt8]
    private var position = 0
    private var record = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// The next row; nil at the end.
    mutating func next() throws(Malformed) -> Row? {
        guard position < bytes.count else { return nil }
        record += 1
        let start = position
        var cells: [String] = []
        while true {
            cells.append(try cell())
            guard position < bytes.count else { return Row(cells: cells, range: start..<position) }
            let byte = bytes[position]
            if byte == 44 {
                position += 1
                continue
            }
            let end = position
            if byte == 13 {
                guard position + 1 < bytes.count, bytes[position + 1] == 10 else {
                    throw Malformed(record: record, reason: "a carriage return without a line feed")
                }
                position += 1
            }
            position += 1
            return Row(cells: cells, range: start..<end)
        }
    }

    private mutating func cell() throws(Malformed) -> String {
        let isQuoted = position < bytes.count && bytes[position] == 34
        var content: [UInt8] = []
        if isQuoted {
            position += 1
            while true {
                guard position < bytes.count else { throw Malformed(record: record, reason: "a quote is not closed") }
                let byte = bytes[position]
                position += 1
                if byte == 34 {
                    guard position < bytes.count, bytes[position] == 34 else { break }
                    position += 1
                }
                content.append(byte)
            }
            if position < bytes.count, ![44, 10, 13].contains(bytes[position]) {
                throw Malformed(record: record, reason: "text after a closing quote")
            }
        } else {
            while position < bytes.count {
                let byte = bytes[position]
                if byte == 44 || byte == 10 || byte == 13 { break }
                if byte == 34 { throw Malformed(record: record, reason: "a quote inside a cell without quotes") }
                content.append(byte)
                position += 1
            }
        }
        guard !content.contains(0), let text = String(validating: content, as: UTF8.self) else {
            throw Malformed(record: record, reason: "not UTF-8 text")
        }
        return text
    }
}
