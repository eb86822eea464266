/// One row as an engine gave it, with its values read out by column name.
public struct ResultRow: Sendable {
    @usableFromInline let columns: ResultColumns
    @usableFromInline let values: [SQLValue]

    public init(columns: ResultColumns, values: [SQLValue]) {
        self.columns = columns
        self.values = values
    }

    /// The value of a column. Throws `StorageError.unexpectedValue` where the row has no such column or it
    /// holds something else.
    @inlinable public subscript<Value: SQLConvertible>(_ name: String) -> Value {
        get throws {
            guard let index = columns.index[name], let value = Value(sqlValue: values[index]) else {
                throw StorageError.unexpectedValue(column: name)
            }
            return value
        }
    }
}

/// The names of a result's columns, shared by its rows.
public final class ResultColumns: Sendable {
    @usableFromInline let index: [String: Int]

    public init(names: [String]) {
        index = Dictionary(names.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

/// A type that is read from a row of its own query.
public protocol RowDecodable {
    init(row: ResultRow) throws
}
