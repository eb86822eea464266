import CSV

/// One identity of one row as it is compared within one file: 86 of its bits, which is enough there (among a hundred
/// million rows the odds of two that meet by chance are one in ten thousand million).
struct RowFingerprint: BitwiseCopyable, Sendable {
    /// Which column a row is known by takes the last bits; a file has `CSVLimits.columns` at most.
    private static let columnBits: UInt32 = 10
    private static let columnMask: UInt32 = 1 << columnBits - 1
    /// Stands for `RowEntry.besideKey`; one less than that for the whole row.
    private static let besideKey = columnMask - 1

    let high: UInt64
    private let lowAndColumn: UInt32
    /// The data row, from 1; 0 in a place without one.
    let row: UInt32

    static let none = RowFingerprint(RowEntry(identity: .zero, row: 0, mark: 0))

    @inline(__always)
    init(_ entry: RowEntry) {
        self.init(
            high: entry.identity.high, low: UInt32(truncatingIfNeeded: entry.identity.low),
            entry.isBesideKey ? Self.besideKey : entry.mark & Self.columnMask, entry.row)
    }

    @inline(__always)
    private init(high: UInt64, low: UInt32, _ column: UInt32, _ row: UInt32) {
        self.high = high
        lowAndColumn = low & ~Self.columnMask | column
        self.row = row
    }

    var isBesideKey: Bool { lowAndColumn & Self.columnMask == Self.besideKey }

    /// The same content as others are known by it that name a unique field besides, or do not; nil where it is a unique
    /// field itself.
    var twin: RowFingerprint? {
        switch lowAndColumn & Self.columnMask {
        case Self.columnMask: RowFingerprint(high: high, low: lowAndColumn, Self.besideKey, row)
        case Self.besideKey: RowFingerprint(high: high, low: lowAndColumn, Self.columnMask, row)
        default: nil
        }
    }

    /// `RowIdentifier.wholeRow` where it is of no column.
    var column: Int32 {
        let column = lowAndColumn & Self.columnMask
        return column == Self.columnMask ? RowIdentifier.wholeRow : Int32(column)
    }

    @inline(__always)
    func isSame(as other: RowFingerprint) -> Bool { high == other.high && lowAndColumn == other.lowAndColumn }
}
