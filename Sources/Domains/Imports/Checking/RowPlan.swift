/// What to check at each column of the file at hand: the object's schema laid over the file's header, flat, so that
/// a row is checked without looking anything up.
struct RowPlan: Sendable {
    var columns: [ColumnCheck] = []
    var rules: [RuleCheck] = []
    /// The bits of `ColumnCheck.bit` that every row needs.
    var required: UInt64 = 0
    /// Filled metadata cells that a row may have.
    var maxMetadataValues = Int.max
    /// All enums' values after one another; `ColumnCheck.values` says which are whose.
    var enumValues: [EnumValue] = []
    /// Their bytes, after one another.
    var enumTexts: [UInt8] = []
    /// The columns as the schema spells them, by position in the file.
    var names: [String] = []
    /// The schema's fields by position in the file; nil for metadata, custom and unknown columns.
    var fields: [ObjectField?] = []
    /// The column of each bit; -1 where the file has none.
    var columnOfBit: [Int] = []
}

/// The check of one column; trivial, so that passing it around costs nothing.
struct ColumnCheck: BitwiseCopyable, Sendable {
    enum Kind: UInt8, BitwiseCopyable {
        case unchecked
        case text
        case email
        case date
        case dateOrEpochMilliseconds
        case integer
        case decimal
        case boolean
        case enumeration
        case currency
        case metadata
    }

    var kind = Kind.unchecked
    var ignoresCase = false
    var decimals: UInt8 = 0
    /// Characters.
    var minLength: UInt32 = 0
    var maxLength: UInt32 = .max
    /// Set in a row's `given` where the cell is given; 0 where no rule asks.
    var bit: UInt64 = 0
    var minimum = Int64.min
    var maximum = Int64.max
    var firstValue: UInt32 = 0
    var valueCount: UInt32 = 0
}

/// One value of an enum. `hit` is set in a row's `hits` where the cell has this value and a rule wants to know.
struct EnumValue: BitwiseCopyable, Sendable {
    /// In bytes.
    let count: Int
    /// As in `CellWord.both`; in small letters where case makes no difference.
    let first: UInt64
    let last: UInt64
    let hit: UInt64
    /// Where its bytes stand in `RowPlan.enumTexts`.
    let text: Int
}

extension RowPlan {
    mutating func append(enumValue value: String, ignoresCase: Bool, hit: UInt64) {
        var text = Array(value.utf8)
        if ignoresCase { for index in text.indices where text[index] &- 0x41 < 26 { text[index] |= 0x20 } }
        let words = unsafe CellWord.both(text.span.bytes, 0, text.count)
        enumValues.append(
            EnumValue(count: text.count, first: words.first, last: words.last, hit: hit, text: enumTexts.count))
        enumTexts += text
    }
}

struct RuleCheck: BitwiseCopyable, Sendable {
    enum Kind: UInt8, BitwiseCopyable {
        case atLeastOneOf
        case exactlyOneOf
        case requires
        case onlyIf
    }

    var kind: Kind
    /// The bits of its fields; for `requires` and `onlyIf` the one field that asks.
    var fields: UInt64
    /// `requires`: the bits needed; `onlyIf`: the hits of which one is needed.
    var needed: UInt64
    /// Its place among the schema's rules.
    var number: Int32
}

/// What is wrong in a row, before any text is made of it.
struct RowFault: BitwiseCopyable, Sendable {
    var code: ProblemCode
    /// The position of the column in the file; -1 where the row as a whole is meant.
    var column: Int32
    /// The schema's rule that is broken; -1 where it is the column's own.
    var rule: Int32 = -1
}
