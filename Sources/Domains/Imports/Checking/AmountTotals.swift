import CSV

/// What the valid rows come to, by currency: exact, in hundredths, whatever the number of rows.
struct AmountTotals: Sendable {
    private struct Bucket {
        /// `CurrencyCheck.index`; -1 where none is given.
        var currency: Int
        var rows = 0
        var sum: Int128 = 0
        var gross: Int128 = 0
    }

    private var columns: [(place: Int, isWhole: Bool)] = []
    private var currencyPlace: Int?
    private var buckets: [Bucket] = []
    /// The bucket of the row before.
    private var latest = 0

    /// - Parameter fields: by the place of their column in the file; nil for columns that are no field.
    init(fields: [ObjectField?] = []) {
        for (place, field) in fields.enumerated() {
            if let money = field?.money { columns.append((place, money == .whole)) }
            if field?.type == .currency { currencyPlace = place }
        }
    }

    /// A row that keeps all rules.
    @inline(__always)
    mutating func add(_ bytes: RawSpan, _ cells: Span<CSVCell>) {
        if columns.isEmpty { return }
        count(bytes, cells)
    }

    /// What other rows of the same file come to.
    mutating func add(_ other: AmountTotals) {
        for bucket in other.buckets {
            if let known = buckets.firstIndex(where: { $0.currency == bucket.currency }) {
                buckets[known].rows += bucket.rows
                buckets[known].sum += bucket.sum
                buckets[known].gross += bucket.gross
            } else {
                buckets.append(bucket)
            }
        }
    }

    private mutating func count(_ bytes: RawSpan, _ cells: Span<CSVCell>) {
        let span = Span<UInt8>(_bytes: bytes)
        var hundredths: Int64 = 0
        var isGiven = false
        for column in columns where cells[column.place].byteCount > 0 {
            isGiven = true
            hundredths &+= Self.hundredths(span, cells[column.place], isWhole: column.isWhole)
        }
        guard isGiven else { return }
        var currency = -1
        if let currencyPlace, cells[currencyPlace].byteCount > 0 {
            let cell = cells[currencyPlace]
            currency = CurrencyCheck.index(span, cell.lowerBound, cell.upperBound) ?? -1
        }
        if !(latest < buckets.count && buckets[latest].currency == currency) {
            if let known = buckets.firstIndex(where: { $0.currency == currency }) {
                latest = known
            } else {
                latest = buckets.count
                buckets.append(Bucket(currency: currency))
            }
        }
        buckets[latest].rows &+= 1
        buckets[latest].sum += Int128(hundredths)
        buckets[latest].gross += Int128(hundredths.magnitude)
    }

    /// Of a cell that was found to be a number of at most 18 digits and, where whole units are meant, two decimals.
    private static func hundredths(_ span: Span<UInt8>, _ cell: CSVCell, isWhole: Bool) -> Int64 {
        var value: Int64 = 0
        var isNegative = false
        var decimals = -1
        for index in cell.lowerBound..<cell.upperBound {
            let byte = span[index]
            switch byte {
            case 0x2D: isNegative = true
            case 0x2E: decimals = 0
            case 0x30...0x39:
                if decimals == 2 { continue }
                value = value &* 10 &+ Int64(byte &- 0x30)
                if decimals >= 0 { decimals &+= 1 }
            default: continue
            }
        }
        if isWhole {
            for _ in max(decimals, 0)..<2 { value = value &* 10 }
        }
        return isNegative ? 0 &- value : value
    }

    /// By currency, those without one last.
    var totals: [AmountTotal] {
        buckets.map { bucket in
            AmountTotal(
                currency: CurrencyCheck.code(bucket.currency), rows: bucket.rows, sum: bucket.sum, gross: bucket.gross)
        }.sorted { ($0.currency ?? "~") < ($1.currency ?? "~") }
    }
}
