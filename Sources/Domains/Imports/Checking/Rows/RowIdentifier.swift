import CSV

/// Says which row a row is: by the schema's unique fields where it gives them, by all its cells where not.
///
/// Spaces around a value, letter case of e-mail addresses (and of enums that ignore it) and how a number is written
/// (`10.00`, `10`) make no difference.
struct RowIdentifier: Sendable {
    private struct Column: BitwiseCopyable {
        enum Kind: UInt8, BitwiseCopyable {
            case text
            case ignoringCase
            case number
        }
        var seed: RowIdentity
        var kind: Kind
        var isUnique: Bool
    }

    private let columns: [Column]

    /// What it writes to; kept between rows.
    struct Work: Sendable {
        /// Of the row identified last: each unique field given with its column; or else the row as a whole.
        fileprivate(set) var keys: [(identity: RowIdentity, column: Int32)] = []
        fileprivate var unescaped: [UInt8] = []

        /// The keys as entries of a row.
        func append(row number: Int, to entries: inout [RowEntry]) {
            // The last number stands for the end of all.
            let row = UInt32(clamping: min(number, Int(UInt32.max) &- 1))
            for key in keys {
                entries.append(RowEntry(identity: key.identity, row: row, mark: UInt32(bitPattern: key.column)))
            }
        }
    }

    /// Stands for "the row as a whole" where a column is named.
    static let wholeRow: Int32 = -1

    init(schema: ObjectSchema, plan: RowPlan) {
        columns = plan.columns.indices.map { index in
            let check = plan.columns[index]
            let kind: Column.Kind =
                switch check.kind {
                case .email: .ignoringCase
                case .enumeration, .boolean: check.ignoresCase ? .ignoringCase : .text
                case .integer, .decimal: .number
                case .unchecked, .text, .date, .dateOrEpochMilliseconds, .currency, .metadata: .text
                }
            return Column(
                seed: ContentHash.hash(HeaderName.normalized(plan.names[index], schema.headerCase)), kind: kind,
                isUnique: plan.fields[index].map { schema.unique.contains($0.name) } ?? false)
        }
    }

    /// Of a row that keeps all rules. Returns the identity of the whole; `work.keys` has what makes it the same row as
    /// another.
    func identify(_ bytes: RawSpan, _ cells: Span<CSVCell>, _ work: inout Work) -> RowIdentity {
        work.keys.removeAll(keepingCapacity: true)
        var whole = RowIdentity.zero
        var filled = 0
        let columns = columns.span
        for index in columns.indices {
            let cell = cells[index]
            if cell.byteCount == 0 { continue }
            let column = columns[index]
            let identity: RowIdentity?
            if cell.hasEscapes {
                cell.unescape(from: bytes, into: &work.unescaped)
                identity = unsafe Self.identity(column, work.unescaped.span.bytes, 0, work.unescaped.count)
            } else {
                identity = Self.identity(column, bytes, cell.lowerBound, cell.upperBound)
            }
            guard let identity else { continue }
            filled &+= 1
            whole.combine(identity)
            if column.isUnique { work.keys.append((identity, Int32(truncatingIfNeeded: index))) }
        }
        whole = whole.sealed(count: filled)
        if work.keys.isEmpty { work.keys.append((whole, Self.wholeRow)) }
        return whole
    }

    /// Nil where there is nothing but white space.
    @inline(__always)
    private static func identity(_ column: Column, _ bytes: RawSpan, _ from: Int, _ to: Int) -> RowIdentity? {
        let span = Span<UInt8>(_bytes: bytes)
        var start = from
        var end = to
        while start < end, span[start] <= 0x20 { start &+= 1 }
        guard start < end else { return nil }
        while span[end &- 1] <= 0x20 { end &-= 1 }
        switch column.kind {
        case .text: return ContentHash.hash(bytes, start, end, seed: column.seed, ignoresCase: false)
        case .ignoringCase: return ContentHash.hash(bytes, start, end, seed: column.seed, ignoresCase: true)
        case .number: return number(column.seed, bytes, span, start, end)
        }
    }

    /// Sign, whole part without leading zeros, decimals without trailing ones.
    @inline(__always)
    private static func number(
        _ seed: RowIdentity, _ bytes: RawSpan, _ span: Span<UInt8>, _ from: Int, _ to: Int
    ) -> RowIdentity {
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
}
