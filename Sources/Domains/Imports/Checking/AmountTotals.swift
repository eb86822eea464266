import CSV

/// What the valid rows come to, by currency: exact, in hundredths, whatever the number of rows.
struct AmountTotals: Sendable {
    private struct Bucket: BitwiseCopyable {
        /// The three letters as they are written (`CellWord`); 0 where none are given.
        var currency: UInt64
        var rows = 0
        var sum: Int128 = 0
        var gross: Int128 = 0

        var code: String? {
            currency == 0 ? nil : String(decoding: [0, 8, 16].map { UInt8(currency &>> $0 & 0xFF) }, as: UTF8.self)
        }
    }

    private struct Column: BitwiseCopyable {
        let place: Int
        let isWhole: Bool
    }

    private var columns: [Column] = []
    private var currencyPlace = -1
    private var buckets: [Bucket] = []
    /// The bucket of the row before, taken out of its place among the others, which is `place`.
    private var latest = Bucket(currency: .max)
    private var place = -1

    /// - Parameter fields: by the place of their column in the file; nil for columns that are no field.
    init(fields: [ObjectField?] = []) {
        for (place, field) in fields.enumerated() {
            if let money = field?.money { columns.append(Column(place: place, isWhole: money == .whole)) }
            // A program may have other currencies beside the one its amounts are in.
            if field?.type == .currency, currencyPlace < 0 || field?.name == "currency" { currencyPlace = place }
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
        for bucket in other.current {
            if latest.currency != bucket.currency { takeOut(bucket.currency) }
            latest.rows += bucket.rows
            latest.sum += bucket.sum
            latest.gross += bucket.gross
        }
    }

    /// The buckets, the one that was taken out put back.
    private var current: [Bucket] {
        var buckets = buckets
        if place >= 0 { buckets[place] = latest }
        return buckets
    }

    private mutating func count(_ bytes: RawSpan, _ cells: Span<CSVCell>) {
        guard let hundredths = amount(bytes, cells) else { return }
        var currency: UInt64 = 0
        if currencyPlace >= 0 {
            let cell = cells[currencyPlace]
            if cell.byteCount == 3 { currency = CellWord.short(bytes, cell.lowerBound, cell.upperBound) }
        }
        if latest.currency != currency { takeOut(currency) }
        latest.rows &+= 1
        latest.sum &+= hundredths
        latest.gross &+= hundredths < 0 ? 0 &- hundredths : hundredths
    }

    @inline(__always)
    private func amount(_ bytes: RawSpan, _ cells: Span<CSVCell>) -> Int128? {
        var amount: Int128?
        let columns = columns.span
        for index in columns.indices {
            let cell = cells[columns[index].place]
            if cell.byteCount == 0 { continue }
            amount = (amount ?? 0) &+ Self.hundredths(bytes, cell, isWhole: columns[index].isWhole)
        }
        return amount
    }

    private mutating func takeOut(_ currency: UInt64) {
        if place >= 0 { buckets[place] = latest }
        place = buckets.firstIndex { $0.currency == currency } ?? buckets.count
        if place == buckets.count { buckets.append(Bucket(currency: currency)) }
        latest = buckets[place]
    }

    /// Of a cell that was found to be a number of at most 18 digits and, where whole units are meant, two decimals.
    @inline(__always)
    private static func hundredths(_ bytes: RawSpan, _ cell: CSVCell, isWhole: Bool) -> Int128 {
        if let value = CellWord.digits(bytes, cell.lowerBound, cell.upperBound) {
            return Int128(isWhole ? value &* 100 : value)
        }
        return longHundredths(bytes, cell, isWhole: isWhole)
    }

    @inline(never)
    private static func longHundredths(_ bytes: RawSpan, _ cell: CSVCell, isWhole: Bool) -> Int128 {
        let span = Span<UInt8>(_bytes: bytes)
        // With two decimals there are twenty digits.
        var value: Int128 = 0
        var isNegative = false
        var decimals = -1
        for index in cell.lowerBound..<cell.upperBound {
            let byte = span[index]
            switch byte {
            case 0x2D: isNegative = true
            case 0x2E: decimals = 0
            case 0x30...0x39:
                // Parts of a cent count for nothing.
                if decimals == (isWhole ? 2 : 0) { continue }
                value = value &* 10 &+ Int128(byte &- 0x30)
                if decimals >= 0 { decimals &+= 1 }
            default: continue
            }
        }
        var hundredths = value
        if isWhole {
            for _ in max(decimals, 0)..<2 { hundredths = hundredths &* 10 }
        }
        return isNegative ? 0 &- hundredths : hundredths
    }

    /// By currency, those without one last.
    var totals: [AmountTotal] {
        current.map { bucket in
            AmountTotal(currency: bucket.code, rows: bucket.rows, sum: bucket.sum, gross: bucket.gross)
        }.sorted { ($0.currency ?? "~") < ($1.currency ?? "~") }
    }
}
