extension CSVReader {
    /// The cells of a text that is one record; nil where it is none, several, or broken.
    public static func record(of text: String) -> [String]? {
        var reader = CSVReader()
        var records: [[String]] = []
        var isBroken = false
        func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
            isBroken = isBroken || record.problem != nil
            if records.count < 2 { records.append(cells.indices.map { cells[$0].text(in: bytes) }) }
        }
        do {
            try unsafe reader.feed(Array(text.utf8).span.bytes) { take($0, $1, $2) }
            try reader.finish { take($0, $1, $2) }
        } catch {
            return nil
        }
        guard reader.failure == nil, !isBroken, records.count == 1 else { return nil }
        return records[0]
    }
}
