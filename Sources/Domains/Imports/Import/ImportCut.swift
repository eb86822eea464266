/// How the valid rows of a file are cut into pieces for the importer. All pieces but the last have the same number of
/// rows, and they go out in order: so how far an import is, is one number.
public struct ImportCut: Sendable, Hashable {
    /// The most pieces of one file.
    public static let limit = 200_000

    /// 0 where nothing is forwarded.
    public let count: Int
    /// Of each piece but the last; the same for as long as the import is on record.
    public let rowsEach: Int
    private let rows: Int

    /// - Parameters:
    ///   - rows: the valid ones.
    ///   - rowsEach: at least 1.
    public init(rows: Int, rowsEach: Int) {
        self.init(count: (rows + rowsEach - 1) / rowsEach, rows: rows, rowsEach: rowsEach)
    }

    /// - Parameter count: as it was stored.
    init(count: Int, rows: Int, rowsEach: Int) {
        self.count = count
        self.rowsEach = max(rowsEach, 1)
        self.rows = rows
    }

    static let none = ImportCut(rows: 0, rowsEach: 1)

    /// Rows of the first pieces together.
    public func rows(inFirst pieces: Int) -> Int { pieces >= count ? (count == 0 ? 0 : rows) : pieces * rowsEach }

    /// - Parameter number: from 1.
    public func rows(of number: Int) -> Int { rows(inFirst: number) - rows(inFirst: number - 1) }

    /// The number, from 1, of the piece in which a valid row goes out.
    /// - Parameter row: its place among the valid rows, from 0.
    public func number(ofValidRow row: Int) -> Int { row / rowsEach + 1 }

    /// The pieces that an import shows: all where they are few, otherwise those around the one whose turn it is.
    func shown(after taken: Int) -> Range<Int> {
        let first = max(1, min(taken + 1 - Self.shownBefore, count - Self.shownAtMost + 1))
        return first..<min(count, first + Self.shownAtMost - 1) + 1
    }

    static let shownAtMost = 50
    private static let shownBefore = 25
}
