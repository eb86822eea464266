import CSV

/// The header of a CSV file, and where its rows begin.
struct CSVHead: Sendable {
    let names: [String]
    /// As they came, with their line end; one is added where the file ends without.
    let line: [UInt8]
    /// The file's offset of the first row.
    let end: Int

    /// Reads as far as the header goes; nil for a file without anything in it. Throws `ExportDataError.unreadable`.
    init?(of chunks: ExportFileChunks, in name: String) async throws {
        let reading = HeadReading()
        var iterator = chunks.makeAsyncIterator()
        while reading.found == nil, reading.failure == nil, let bytes = try await iterator.next() {
            reading.feed(bytes)
        }
        if reading.found == nil { reading.finish() }
        if let failure = reading.failure {
            throw ExportDataError.unreadable(file: name, line: failure.line, code: failure.code.rawValue)
        }
        guard let found = reading.found else { return nil }
        self = found
    }

    fileprivate init(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        names = cells.indices.map { cells[$0].text(in: bytes) }
        var line = unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) }
        if line.last != 0x0A, line.last != 0x0D { line.append(0x0A) }
        self.line = line
        end = record.endOffset
    }

    /// How the file's lines end, for one that is added.
    var lineEnd: [UInt8] { line.suffix(2) == [0x0D, 0x0A] ? [0x0D, 0x0A] : [0x0A] }
}

/// A class, as the reader is not copied.
private final class HeadReading {
    private var reader = CSVReader()
    private(set) var found: CSVHead?
    private var stop: CSVProblem?

    var failure: CSVProblem? { stop ?? reader.failure }

    func feed(_ bytes: [UInt8]) {
        do {
            try unsafe reader.feed(bytes.span.bytes) { record, bytes, cells in try self.take(record, bytes, cells) }
        } catch {}
    }

    func finish() {
        do {
            try reader.finish { record, bytes, cells in try self.take(record, bytes, cells) }
        } catch {}
    }

    private func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) throws {
        guard found == nil else { return }
        stop = record.problem
        if stop == nil { found = CSVHead(record, bytes, cells) }
        // The rows are not looked at here.
        throw EndOfHead()
    }

    private struct EndOfHead: Error {}
}
