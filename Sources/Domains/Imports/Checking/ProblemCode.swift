import CausewayCore

/// The stable name of what is wrong. More may be added, none renamed.
public enum ProblemCode: String, Codable, CaseIterable, BitwiseCopyable, Sendable {
    // The file is refused, whatever the mode.
    case emptyFile = "empty_file"
    case noRows = "no_rows"
    case binaryFile = "binary_file"
    case invalidEncoding = "invalid_encoding"
    case missingColumn = "missing_column"
    case duplicateColumn = "duplicate_column"
    case unknownColumn = "unknown_column"
    case tooManyColumns = "too_many_columns"
    case headerTooLong = "header_too_long"
    // A record whose structure is broken.
    case raggedRow = "ragged_row"
    case unclosedQuote = "unclosed_quote"
    case textAfterQuote = "text_after_quote"
    case recordTooLong = "record_too_long"
    case cellTooLong = "cell_too_long"
    case nulByte = "nul_byte"
    // A row against the object's rules.
    case required
    case atLeastOneOf = "at_least_one_of"
    case exactlyOneOf = "exactly_one_of"
    case requiresColumn = "requires_column"
    case invalidEmail = "invalid_email"
    case invalidDate = "invalid_date"
    case invalidAmount = "invalid_amount"
    case invalidCurrency = "invalid_currency"
    case invalidEnum = "invalid_enum"
    case invalidBoolean = "invalid_boolean"
    case tooLong = "too_long"
    case tooShort = "too_short"
    case metadataKey = "metadata_key"
    case metadataValue = "metadata_value"
    case metadataCount = "metadata_count"
    case duplicateRow = "duplicate_row"
    case duplicateKey = "duplicate_key"
    case rowAlreadyForwarded = "row_already_forwarded"
}

/// One thing that is wrong with an uploaded file, said so that a person can mend it.
public struct RowProblem: Codable, Hashable, Sendable {
    /// The data row from 1; nil for the header and the file as a whole.
    public var row: Int?
    /// The physical line of the cell from 1; nil for the file as a whole.
    public var line: Int?
    /// Of the cell, or the record, from the start of the file.
    public var byteOffset: Int?
    /// The header's name of the column, as the vendor spells it where known.
    public var column: String?
    public var code: ProblemCode
    /// What stands there, cut to 100 characters.
    public var value: String?
    public var message: String
    /// What to put there instead, where that can be told.
    public var suggestion: String?

    public static let valueLimit = 100

    /// Whatever the file's bytes are, its texts can be stored.
    public init(
        row: Int? = nil, line: Int? = nil, byteOffset: Int? = nil, column: String? = nil, code: ProblemCode,
        value: String? = nil, message: String, suggestion: String? = nil
    ) {
        self.row = row
        self.line = line
        self.byteOffset = byteOffset
        self.column = column?.showingNUL
        self.code = code
        self.value = value.map { String($0.prefix(Self.valueLimit)).showingNUL }
        self.message = message.showingNUL
        self.suggestion = suggestion?.showingNUL
    }

    enum CodingKeys: String, CodingKey {
        case row, line, column, code, value, message, suggestion
        case byteOffset = "byte_offset"
    }

    /// Members without a value are there as null.
    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(row, forKey: .row)
        try members.encode(line, forKey: .line)
        try members.encode(byteOffset, forKey: .byteOffset)
        try members.encode(column, forKey: .column)
        try members.encode(code, forKey: .code)
        try members.encode(value, forKey: .value)
        try members.encode(message, forKey: .message)
        try members.encode(suggestion, forKey: .suggestion)
    }
}
