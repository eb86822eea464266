import CSV
import CausewayCore

/// The rows of one part, in the shape that was asked for.
final class PartReader {
    /// The header as it goes out where this is the first part; nil where the format has none.
    let header: [UInt8]?
    private var source: Source

    private enum Source {
        case verbatim(VerbatimRows)
        case reshaped(ReshapedRows)
        case ended
    }

    init(_ part: ExportData.Part, shape: RowShape) async throws {
        let chunks = try await part.chunks()
        if shape.isVerbatim {
            header = part.head.line
            source = .verbatim(VerbatimRows(part, chunks))
        } else {
            let rows = try ReshapedRows(part, chunks, shape)
            header = rows.header
            source = .reshaped(rows)
        }
    }

    func next() async throws -> [UInt8]? {
        let bytes: [UInt8]?
        switch source {
        case .verbatim(var rows):
            bytes = try await rows.next()
            source = .verbatim(rows)
        case .reshaped(let rows): bytes = try await rows.next()
        case .ended: return nil
        }
        if bytes == nil { source = .ended }
        return bytes
    }
}

extension ExportData.Part {
    /// All its bytes from the first.
    fileprivate func chunks() async throws -> ExportFileChunks {
        switch source {
        case .mirror(let content): content.chunks()
        case .vendor(let export, let files): try await files.open(export.text, name).chunks()
        }
    }
}

/// The bytes after the header as they came, the last line ended.
private struct VerbatimRows {
    private let part: ExportData.Part
    private var iterator: ExportFileChunks.Iterator
    private var toSkip: Int
    /// The header as this read sees it: a part that is passed through is opened twice.
    private var head: [UInt8] = []
    private var endsLine = true
    private var isOver = false

    init(_ part: ExportData.Part, _ chunks: ExportFileChunks) {
        self.part = part
        iterator = chunks.makeAsyncIterator()
        toSkip = part.head.end
    }

    mutating func next() async throws -> [UInt8]? {
        while !isOver {
            guard var bytes = try await iterator.next() else {
                isOver = true
                if toSkip > 0 { throw ExportDataError.changed(file: part.name) }
                return endsLine ? nil : part.head.lineEnd
            }
            if toSkip > 0 {
                let count = min(toSkip, bytes.count)
                head += bytes[..<count]
                bytes.removeFirst(count)
                toSkip -= count
                if toSkip == 0, !part.head.isWithin(head) { throw ExportDataError.changed(file: part.name) }
            }
            guard let last = bytes.last else { continue }
            endsLine = last == 0x0A || last == 0x0D
            return bytes
        }
        return nil
    }
}

extension CSVHead {
    /// Whether the first bytes of a file still hold this header.
    fileprivate func isWithin(_ bytes: [UInt8]) -> Bool {
        bytes.suffix(line.count) == line[...] || bytes.suffix(line.count - 1) == line.dropLast()
    }
}

/// The rows read cell by cell and written anew.
private final class ReshapedRows {
    let header: [UInt8]?
    private let part: ExportData.Part
    private var iterator: ExportFileChunks.Iterator
    private var reader = CSVReader()
    private var writer: RowWriter
    private var isOver = false

    init(_ part: ExportData.Part, _ chunks: ExportFileChunks, _ shape: RowShape) throws {
        self.part = part
        iterator = chunks.makeAsyncIterator()
        writer = try RowWriter(shape, head: part.head)
        header = writer.header(part.head)
    }

    func next() async throws -> [UInt8]? {
        while !isOver {
            var output: [UInt8] = []
            if let bytes = try await iterator.next() {
                output.reserveCapacity(2 * bytes.count)
                try unsafe reader.feed(bytes.span.bytes) { try self.take($0, $1, $2, &output) }
            } else {
                isOver = true
                try reader.finish { try self.take($0, $1, $2, &output) }
                if reader.recordCount == 0 { throw ExportDataError.changed(file: part.name) }
            }
            if let failure = reader.failure { throw unreadable(failure) }
            if !output.isEmpty { return output }
        }
        return nil
    }

    private func take(
        _ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ output: inout [UInt8]
    ) throws {
        if let problem = record.problem { throw unreadable(problem) }
        if record.number == 0 {
            let names = cells.indices.map { cells[$0].text(in: bytes) }
            guard names == part.head.names else { throw ExportDataError.changed(file: part.name) }
            return
        }
        guard record.cellCount <= part.head.names.count else {
            throw ExportDataError.raggedRow(file: part.name, line: record.line)
        }
        writer.append(bytes, cells, to: &output)
    }

    private func unreadable(_ problem: CSVProblem) -> ExportDataError {
        .unreadable(file: part.name, line: problem.line, code: problem.code.rawValue)
    }
}
