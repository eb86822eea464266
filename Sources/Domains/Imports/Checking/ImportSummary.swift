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
    /// What is told and refuses nothing: rows that are there twice (`duplicate_row`). All of them.
    public var totalWarnings: Int { lateWarnings.total }
    /// Warnings handed out.
    public var storedWarnings = 0
    public var firstWarnings: [RowProblem] = []
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
    /// Where the pieces to forward begin; of use where all rows are forwarded.
    public var offsets = ChunkOffsets(rowsEach: 1)
    /// What all rows that keep the rules say, however and in whatever order they are written; 64 hexadecimal digits.
    public var contentDigest = ""
    /// Rows that are not to be forwarded: those with a problem, and blank ones. Not whole where blocks were checked beside
    /// one another.
    var leftOutRows = RowSet()
    /// Rows that keep the rules and are refused all the same.
    var lateRows = RowSet()
    /// What showed when all rows were known, and is not in words yet: `complete`.
    var lateErrors = LateFindings()
    var lateWarnings = LateFindings()
    /// The earlier imports that `lateErrors` speaks of.
    var lateImports: [String] = []
    /// By what each valid row is known, where the object's rows are remembered.
    var sortedRows = SortedRows.none
    var firstProblemLimit = 0

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
