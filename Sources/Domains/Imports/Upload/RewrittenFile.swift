import CSV
import CausewayCore
import FileStore

/// The file as it is forwarded where that is not the file as it came: only the valid rows, byte for byte; or, where
/// the importer could not read it so, in UTF-8 with commas, LF and the vendor's header.
///
/// Reads the upload a second time; which rows are left out the first reading has told.
struct RewrittenFile: Sendable {
    let schema: ObjectSchema
    let summary: ImportSummary
    let files: LocalFileStore
    /// The upload's path.
    let source: String
    let name: String

    private static let block = 1 << 20

    /// Durable when it returns; says where the pieces to forward begin in it. Throws `FileStoreError`.
    func write() throws -> ChunkOffsets {
        var writer = try files.create(name + "-rewritten")
        var rows = RowRewriter(schema: schema, summary: summary)
        try SecondReading.rows(of: source, summary, schema) { record, bytes, cells in
            rows.take(record, bytes, cells)
            if rows.output.count >= Self.block { try flush(&rows, &writer) }
        }
        try flush(&rows, &writer)
        guard rows.validRows == summary.validRows else {
            throw FileStoreError.failed(detail: "\(source) was read differently the second time")
        }
        try writer.finish(as: name)
        return rows.offsets
    }

    private func flush(_ rows: inout RowRewriter, _ writer: inout LocalFileWriter) throws {
        try writer.write(rows.output)
        rows.endBlock()
    }
}

/// Writes the header and the valid rows.
private struct RowRewriter {
    private let schema: ObjectSchema
    private let summary: ImportSummary
    private let writer = CSVWriter(delimiter: .comma, lineEnd: .lineFeed)
    private var scratch: [UInt8] = []
    private(set) var output: [UInt8] = []
    /// Bytes before those of `output`.
    private var written = 0
    private(set) var offsets: ChunkOffsets
    private(set) var validRows = 0

    init(schema: ObjectSchema, summary: ImportSummary) {
        self.schema = schema
        self.summary = summary
        offsets = ChunkOffsets(rowsEach: summary.offsets.rowsEach)
    }

    /// `output` was written.
    mutating func endBlock() {
        written += output.count
        output.removeAll(keepingCapacity: true)
    }

    mutating func take(_ record: CSVRecord, _ bytes: RawSpan, _ cells: Span<CSVCell>) {
        if record.number == 0 {
            let names = cells.indices.map { cells[$0].text(in: bytes) }
            let header = HeaderCheck(schema: schema, names: names, line: record.line, byteOffset: record.byteOffset)
            if summary.isAsVendorReads {
                append(bytes)
            } else {
                writer.append(header.plan.names, to: &output)
            }
            offsets.headerLength = output.count
            return
        }
        guard !summary.leftOutRows.contains(record.number) else { return }
        validRows += 1
        let start = written + output.count
        defer { offsets.add(from: start, to: written + output.count) }
        if summary.isAsVendorReads {
            append(bytes)
            return
        }
        for index in cells.indices {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            writer.append(cells[index], of: bytes, isOnly: cells.count == 1, to: &output, scratch: &scratch)
        }
        output.append(UInt8(ascii: "\n"))
    }

    private mutating func append(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { unsafe output.append(contentsOf: $0) }
    }
}
