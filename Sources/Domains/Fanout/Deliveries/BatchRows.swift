import Storage

/// The rows of a statement that does a batch at once. Their number is rounded up to a power of two with a filler that
/// means nothing, so that few statement texts exist and each stays prepared.
enum BatchRows {
    static func joined(_ rows: [SQLQuery], filler: SQLQuery, by separator: SQLQuery = ", ") -> SQLQuery {
        var size = 1
        while size < rows.count { size *= 2 }
        return (rows + Array(repeating: filler, count: size - rows.count)).joined(by: separator)
    }

    /// `($1, $2, …)` of numbers, filled up with one that no row has.
    static func numbers(_ numbers: some Sequence<Int64>) -> SQLQuery {
        "(\(query: joined(numbers.map { "\($0)" }, filler: "\(Int64(-1))")))"
    }
}
