/// One record as the reader hands it out, beside its bytes and its cells: where it stands in the file.
public struct CSVRecord: BitwiseCopyable, Sendable {
    /// 0 for the header, then data rows from 1. Blank lines are not records.
    public let number: Int
    /// The physical line it begins at, from 1; a line ends with LF, CRLF or a CR alone.
    public let line: Int
    /// Of its first byte, from the start of the file (a byte order mark counts).
    public let byteOffset: Int
    /// All its bytes with its line end, as they came.
    public let byteCount: Int
    /// How many cells it has; its span of cells stops at `CSVLimits.columns`.
    public let cellCount: Int
    /// Not all bytes are ASCII (they are valid UTF-8 all the same).
    public let hasNonASCII: Bool
    /// What is wrong with its structure. Cells of such a record are not to be trusted; after
    /// `recordTooLong` neither bytes nor cells are handed out.
    public let problem: CSVProblem?

    /// Of the byte after the record.
    public var endOffset: Int { byteOffset + byteCount }
}

/// A structural problem. Those in `CSVReader.failure` end the reading of the file; those in
/// `CSVRecord.problem` spoil that record alone.
public struct CSVProblem: BitwiseCopyable, Sendable, Hashable {
    public enum Code: String, BitwiseCopyable, Sendable, CaseIterable {
        // The file: nothing after it can be read with sense.
        case binaryFile = "binary_file"
        case invalidEncoding = "invalid_encoding"
        case headerTooLong = "header_too_long"
        case tooManyColumns = "too_many_columns"
        // One record.
        case unclosedQuote = "unclosed_quote"
        case textAfterQuote = "text_after_quote"
        case recordTooLong = "record_too_long"
        case cellTooLong = "cell_too_long"
        case nulByte = "nul_byte"
    }

    public let code: Code
    /// The physical line of the very place, from 1: for an unclosed quote the one where it opened.
    public let line: Int
    /// Of the very place, from the start of the file.
    public let byteOffset: Int
    /// The cell it lies in, from 0; nil where that cannot be said.
    public let cell: Int?
    /// What the bytes look like instead; nil where nothing is recognised.
    public let kind: CSVForeignKind?

    init(_ code: Code, line: Int, byteOffset: Int, cell: Int? = nil, kind: CSVForeignKind? = nil) {
        self.code = code
        self.line = line
        self.byteOffset = byteOffset
        self.cell = cell
        self.kind = kind
    }
}

/// What people upload instead of a CSV, in words that can follow "this is".
public enum CSVForeignKind: String, BitwiseCopyable, Sendable {
    case workbook = "an Excel workbook or a zip file"
    case oldWorkbook = "an old Excel workbook"
    case gzip = "a gzip file"
    case zstd = "a zstd file"
    case pdf = "a PDF"
    case picture = "a picture"
    case sevenZip = "a 7-Zip file"
    case utf16 = "text in UTF-16"
    case utf32 = "text in UTF-32"
    case notAsDeclared = "not in the encoding that is declared"
}

/// Bounds that keep one mistake from swallowing a file, and memory flat.
public struct CSVLimits: Sendable, Hashable {
    /// The header's bytes.
    public var header = 32 << 10
    /// The header's cells.
    public var columns = 1000
    /// One record's bytes, without its line end.
    public var record = 400 << 10
    /// One cell's characters (Unicode scalars).
    public var cell = 32_000
    /// Physical lines that one record may span.
    public var lines = 100

    public init() {}
}
