public import CSV

/// Checks an uploaded file while it arrives: bytes are pushed in, findings come out, memory stays flat.
///
/// A plain value without concurrency, and without I/O but for its `RowScratch`, for the server's upload (beside the
/// spooling) and for `causeway check` alike. After a broken header the rows are read on, so that one report says everything that can be said.
public struct ImportCheck: ~Copyable, Sendable {
    /// Problems handed out; further ones are only counted.
    public static let problemLimit = 10_000

    public typealias Report = (ImportFinding) throws -> Void

    private var reader: CSVFileReader
    private var rows: RowCheck

    /// - Parameters:
    ///   - charset: what the sender says of the file's encoding; what its first bytes prove goes before it.
    ///   - chunkRows: the valid rows of one piece to forward, at least 1.
    ///   - firstProblems: how many problems the summary itself holds.
    ///   - scratch: where the rows' identities go until all are known.
    public init(
        schema: ObjectSchema, charset: CSVCharset? = nil, chunkRows: Int = 10_000, firstProblems: Int = 100,
        scratch: RowScratch = .temporary
    ) {
        precondition(chunkRows > 0)
        reader = CSVFileReader(declared: charset, isKnownHeader: { schema.knows(header: $0) })
        rows = RowCheck(schema: schema, chunkRows: chunkRows, firstProblems: firstProblems, scratch: scratch)
    }

    /// What the sender says of the encoding, where that is known only later; before the first byte.
    public mutating func declare(_ charset: CSVCharset) { reader.declare(charset) }

    /// Takes the next bytes of the file. What `report` throws is thrown on and ends the check.
    public mutating func feed(_ bytes: RawSpan, _ report: Report) throws {
        // The rows leave `self` while the reader is at work, which keeps each of the two apart for the compiler.
        var rows = RowCheck.placeholder
        swap(&rows, &self.rows)
        defer { swap(&rows, &self.rows) }
        try reader.feed(bytes) { record, bytes, cells in try rows.take(record, bytes, cells, report) }
    }

    public mutating func feed(_ bytes: [UInt8], _ report: Report) throws {
        try unsafe feed(bytes.span.bytes, report)
    }

    /// The end of the file. What is there twice is counted now, and put into words by `ImportSummary.complete`.
    /// Throws also `FileStoreError`.
    public mutating func finish(_ report: Report) throws -> ImportSummary {
        var rows = RowCheck.placeholder
        swap(&rows, &self.rows)
        try reader.finish { record, bytes, cells in try rows.take(record, bytes, cells, report) }
        return try rows.finish(FileVerdict(reader), report)
    }

    /// Rows read so far, for progress.
    public var rowsRead: Int { rows.summary.totalRows }

    /// Problems met so far, for progress.
    public var problemsFound: Int { rows.summary.totalProblems }

    /// The file is beyond reading (binary, not UTF-8, a header out of bounds): further bytes change nothing, so an
    /// upload may be ended.
    public var isHopeless: Bool { reader.isHopeless }
}
