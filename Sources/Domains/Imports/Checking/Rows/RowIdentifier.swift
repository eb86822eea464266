import CSV

/// Says which row a row is: by the schema's unique fields where it gives them, by all its cells where not.
///
/// What means the same to the vendor makes no difference: spaces around a value, letter case of e-mail addresses (and of
/// enums that ignore it), how a number is written (`10.00`, `10`), an amount in cents or in dollars where an object takes
/// either (`same_as`), a day or the milliseconds of its midnight UTC, a `default` spelled out or left to the vendor.
struct RowIdentifier: Sendable {
    private struct Column: BitwiseCopyable {
        enum Kind: UInt8, BitwiseCopyable {
            case text
            case ignoringCase
            case number
            /// Whole units of money, with two decimals at most.
            case hundredths
            case dateOrEpochMilliseconds
        }
        var seed: RowIdentity
        var kind: Kind
        var isUnique: Bool
        /// A cell that says this says as much as an empty one.
        var standard: RowIdentity?
    }

    private let columns: [Column]
    private let comparesBesideKeys: Bool

    /// What it writes to; kept between rows.
    struct Work: Sendable {
        fileprivate var unescaped: [UInt8] = []
    }

    /// Stands for "the row as a whole" where a column is named.
    static let wholeRow: Int32 = -1

    init(schema: ObjectSchema, plan: RowPlan) {
        comparesBesideKeys = schema.comparesBesideKeys
        columns = plan.columns.indices.map { index in
            let check = plan.columns[index]
            let field = plan.fields[index]
            let kind: Column.Kind =
                switch check.kind {
                case .email: .ignoringCase
                case .enumeration, .boolean: check.ignoresCase ? .ignoringCase : .text
                case .integer, .decimal: field?.money == .whole ? .hundredths : .number
                case .dateOrEpochMilliseconds: .dateOrEpochMilliseconds
                case .unchecked, .text, .date, .currency, .metadata: .text
                }
            let name = HeaderName.normalized(field?.sameAs ?? plan.names[index], schema.headerCase)
            var column = Column(
                seed: ContentHash.hash(name), kind: kind,
                isUnique: field.map { schema.unique.contains($0.name) } ?? false)
            if let standard = field?.standard.map({ Array($0.utf8) }), !standard.isEmpty {
                column.standard = unsafe Self.identity(column, standard.span.bytes, 0, standard.count)
            }
            return column
        }
    }

    /// Of a row that keeps all rules. Returns the identity of the whole.
    /// - Parameter entries: gets what makes it the same row as another: each unique field that it gives, with its column,
    ///   and what it says besides; or else the row as a whole.
    @inline(__always)
    func identify(
        _ number: Int, _ bytes: RawSpan, _ cells: Span<CSVCell>, _ work: inout Work, to entries: inout [RowEntry]
    ) -> RowIdentity {
        // The last number stands for the end of all.
        let row = UInt32(truncatingIfNeeded: min(number, Int(UInt32.max) &- 1))
        // Of the cells that are no unique fields, and of those that are.
        var rest = RowIdentity.zero
        var keys = RowIdentity.zero
        var keyCount = 0
        var filled = 0
        let columns = columns.span
        precondition(cells.count >= columns.count)
        for index in columns.indices {
            let cell = unsafe cells[unchecked: index]
            if cell.byteCount == 0 { continue }
            let column = unsafe columns[unchecked: index]
            let found =
                cell.hasEscapes
                ? Self.unescapedIdentity(column, bytes, cell, &work)
                : Self.identity(column, bytes, cell.lowerBound, cell.upperBound)
            guard let identity = found, identity != column.standard else { continue }
            if column.isUnique {
                keyCount &+= 1
                keys.combine(identity)
                entries.append(
                    RowEntry(
                        identity: identity.sealed(count: 0), row: row, mark: UInt32(truncatingIfNeeded: index)))
            } else {
                filled &+= 1
                rest.combine(identity)
            }
        }
        var whole = rest
        whole.combine(keys)
        whole = whole.sealed(count: filled &+ keyCount)
        if keyCount == 0 {
            entries.append(RowEntry(identity: whole, row: row, mark: UInt32(bitPattern: Self.wholeRow)))
        } else if comparesBesideKeys {
            entries.append(RowEntry(identity: rest.sealed(count: filled), row: row, mark: RowEntry.besideKey))
        }
        return whole
    }

    /// Few cells have doubled quotes: apart, so that the others stay in a small loop.
    @inline(never)
    private static func unescapedIdentity(
        _ column: Column, _ bytes: RawSpan, _ cell: CSVCell, _ work: inout Work
    ) -> RowIdentity? {
        cell.unescape(from: bytes, into: &work.unescaped)
        return unsafe identity(column, work.unescaped.span.bytes, 0, work.unescaped.count)
    }

    /// Of a byte or more; nil where these are nothing but white space.
    @inline(__always)
    private static func identity(_ column: Column, _ bytes: RawSpan, _ from: Int, _ to: Int) -> RowIdentity? {
        let span = Span<UInt8>(_bytes: bytes)
        var start = from
        var end = to
        if span[start] <= 0x20 || span[end &- 1] <= 0x20 {
            while start < end, span[start] <= 0x20 { start &+= 1 }
            guard start < end else { return nil }
            while span[end &- 1] <= 0x20 { end &-= 1 }
        }
        switch column.kind {
        case .text: return ContentHash.hash(bytes, start, end, seed: column.seed, ignoresCase: false)
        case .ignoringCase: return ContentHash.hash(bytes, start, end, seed: column.seed, ignoresCase: true)
        case .number: return number(column.seed, bytes, span, start, end)
        case .hundredths: return hundredths(column.seed, span, start, end)
        case .dateOrEpochMilliseconds: return dateOrEpochMilliseconds(column.seed, bytes, span, start, end)
        }
    }

    /// Sign, whole part without leading zeros, decimals without trailing ones.
    @inline(__always)
    private static func number(
        _ seed: RowIdentity, _ bytes: RawSpan, _ span: Span<UInt8>, _ from: Int, _ to: Int
    ) -> RowIdentity {
        if span[from] != 0x30, CellWord.digits(bytes, from, to) != nil {
            return ContentHash.hash(bytes, from, to, seed: seed, ignoresCase: false)
        }
        var start = from
        var end = to
        var seed = seed
        let isNegative = span[start] == 0x2D
        if isNegative { start &+= 1 }
        while start < end, span[start] == 0x30 { start &+= 1 }
        var point = start
        while point < end, span[point] != 0x2E { point &+= 1 }
        if point < end {
            while span[end &- 1] == 0x30 { end &-= 1 }
            if span[end &- 1] == 0x2E { end &-= 1 }
        }
        // Nought has no sign.
        if isNegative, start < end { seed.high ^= ContentHash.secrets.5 }
        return ContentHash.hash(bytes, start, end, seed: seed, ignoresCase: false)
    }

    /// The same number of hundredths as `number` would find it written.
    @inline(__always)
    private static func hundredths(
        _ seed: RowIdentity, _ span: Span<UInt8>, _ from: Int, _ to: Int
    ) -> RowIdentity {
        // Eighteen digits at most before the point, and two behind it.
        var digits = InlineArray<24, UInt8>(repeating: 0x30)
        var count = 0
        var decimals = 0
        var hasPoint = false
        for index in from..<to {
            let byte = span[index]
            if byte == 0x2E {
                hasPoint = true
                continue
            }
            if hasPoint { decimals &+= 1 }
            if byte == 0x2D || (count == 0 && byte == 0x30) || decimals > 2 || count == 22 { continue }
            digits[count] = byte
            count &+= 1
        }
        var seed = seed
        if count > 0 {
            if decimals < 2 { count &+= 2 &- decimals }
            if span[from] == 0x2D { seed.high ^= ContentHash.secrets.5 }
        }
        return unsafe ContentHash.hash(digits.span.bytes, 0, count, seed: seed, ignoresCase: false)
    }

    /// Milliseconds of a midnight are that day; others stay what they are.
    @inline(__always)
    private static func dateOrEpochMilliseconds(
        _ seed: RowIdentity, _ bytes: RawSpan, _ span: Span<UInt8>, _ start: Int, _ end: Int
    ) -> RowIdentity {
        if end &- start != 10 {
            var milliseconds = 0
            for index in start..<end { milliseconds = milliseconds &* 10 &+ Int(span[index] &- 0x30) }
            if milliseconds % 86_400_000 == 0 {
                let day = DateCheck.text(daysSince1970: milliseconds / 86_400_000)
                return unsafe ContentHash.hash(day.span.bytes, 0, 10, seed: seed, ignoresCase: false)
            }
        }
        return ContentHash.hash(bytes, start, end, seed: seed, ignoresCase: false)
    }
}
