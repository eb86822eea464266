/// The rows of a statement that does a batch at once. Their number is rounded up to a power of two with a filler that
/// means nothing, so that few statement texts exist and each stays prepared: the filler differs in its arguments alone.
public enum BatchRows {
    /// - Parameters:
    ///   - rows: one or more, all of one text.
    ///   - filler: the arguments of a row that means nothing.
    public static func joined(_ rows: [SQLQuery], filler: [SQLValue], by separator: SQLQuery = ", ") -> SQLQuery {
        var size = 1
        while size < rows.count { size *= 2 }
        let filler = SQLQuery(rows[0], with: filler)
        return (rows + Array(repeating: filler, count: size - rows.count)).joined(by: separator)
    }

    /// `($1, $2, …)` of numbers, filled up with one that no row has.
    public static func numbers(_ numbers: some Sequence<Int64>) -> SQLQuery {
        let numbers = numbers.map { "\($0)" as SQLQuery }
        return "(\(query: joined(numbers.isEmpty ? ["\(Int64(-1))"] : numbers, filler: [-1])))"
    }
}

extension [SQLQuery] {
    public func joined(by separator: SQLQuery) -> SQLQuery {
        guard var query = first else { return "" }
        for part in dropFirst() {
            query += separator
            query += part
        }
        return query
    }
}

extension String {
    /// Words of others as every engine can keep them: PostgreSQL has no U+0000.
    public var storable: String { contains("\0") ? replacing("\0", with: "\u{FFFD}") : self }
}
