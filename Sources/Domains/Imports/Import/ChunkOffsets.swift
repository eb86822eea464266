/// Where the pieces of a file begin, gathered while it is read or written.
public struct ChunkOffsets: Sendable, Hashable {
    public let rowsEach: Int
    /// Bytes in front of the first row that are sent before each piece.
    public internal(set) var headerLength = 0
    /// The first byte of each piece, and behind them the end of the last. No more than `ImportCut.limit` are kept.
    public private(set) var starts: [Int] = []
    public private(set) var end = 0
    private var rows = 0

    /// - Parameter rowsEach: valid rows of one piece, at least 1.
    public init(rowsEach: Int) {
        precondition(rowsEach > 0)
        self.rowsEach = rowsEach
        rows = rowsEach
    }

    /// The next valid row.
    mutating func add(from start: Int, to end: Int) {
        if rows == rowsEach {
            rows = 0
            if starts.count < ImportCut.limit { starts.append(start) }
        }
        rows &+= 1
        self.end = end
    }
}

/// Where one piece stands in the file that is forwarded.
struct ChunkExtent: Sendable, Hashable {
    /// Of the header, which stands at the file's beginning.
    let headerLength: Int64
    let bytes: Range<Int64>
}
