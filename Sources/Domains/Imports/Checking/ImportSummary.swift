public import CSV

/// What came out of checking one file.
public struct ImportSummary: Sendable {
    public var object: ImportObject
    /// Rows the file has, as far as it could be read, without the blank ones.
    public var totalRows = 0
    public var validRows = 0
    public var invalidRows: Int { totalRows - validRows }
    /// Rows of nothing but delimiters, as spreadsheets leave them, mostly at the end. They say nothing, so they are passed
    /// over and never forwarded; the numbers of other rows count them, so that these stay the spreadsheet's.
    public var blankRows = 0
    /// All problems, also those that were not handed out.
    public var totalProblems = 0
    /// Problems handed out.
    public var storedProblems = 0
    /// The first problems, for an answer that shows some at once.
    public var firstProblems: [RowProblem] = []
    /// The file itself is refused, in every mode: its header, its encoding, no rows.
    public var isRefused = false
    /// What the valid rows come to, where they have amounts.
    public var amounts: [AmountTotal] = []
    public var byteCount = 0
    public var dialect = CSVDialect()
    /// What the file was read as.
    public var encoding = CSVEncoding.utf8
    /// The columns by place, spelled as the vendor spells them.
    public var header: [String] = []
    /// Where the header stands, with its line end. Like all offsets within the file's text in UTF-8, a byte order mark
    /// counted: for files in another `encoding` these are not the file's own.
    public var headerBytes = 0..<0
    /// Bytes, delimiter, line ends and the header's spelling are what the vendor's importer reads, so the file can be
    /// forwarded as it came.
    public var isAsVendorReads = false
    /// Where the pieces to forward begin; of use where all rows are valid.
    public var offsets = ChunkOffsets(rowsEach: 1)

    public init(object: ImportObject) {
        self.object = object
    }
}

/// What the check hands out while it reads, to be stored as it comes.
public enum ImportFinding: Sendable {
    /// One problem; the first `ImportCheck.problemLimit` only.
    case problem(RowProblem)
    /// A row with one problem or more; all of them. `bytes` are its bytes with the line end, from the start of the file.
    case rejected(row: Int, line: Int, bytes: Range<Int>)
}
