import GRDB
import Storage

/// Statements on one GRDB connection. Prepared ones are kept by GRDB, by text.
final class SQLiteTransaction: Transaction {
    let dialect: SQLDialect
    private(set) var topics: Set<SignalTopic> = []
    private let database: Database

    init(_ database: Database, dialect: SQLDialect) {
        self.database = database
        self.dialect = dialect
    }

    func execute(_ query: SQLQuery) throws -> Int {
        let statement = try prepare(query)
        try statement.execute(arguments: query.grdbArguments)
        return database.changesCount
    }

    func rows(_ query: SQLQuery) throws -> [ResultRow] {
        let statement = try prepare(query)
        let columns = ResultColumns(names: statement.columnNames)
        let count = statement.columnCount
        let cursor = try Row.fetchCursor(statement, arguments: query.grdbArguments)
        var rows: [ResultRow] = []
        while let row = try cursor.next() {
            let values = try (0..<count).map { index -> SQLValue in
                switch (row[index] as DatabaseValue).storage {
                case .null: return .null
                case .int64(let number): return .integer(number)
                case .double(let number): return .real(number)
                case .string(let text): return .text(text)
                case .blob: throw StorageError.unexpectedValue(column: statement.columnNames[index])
                }
            }
            rows.append(ResultRow(columns: columns, values: values))
        }
        return rows
    }

    func signal(_ topic: SignalTopic) {
        topics.insert(topic)
    }

    /// SQLite has one writer: an immediate transaction has every lock.
    func lock(_ name: String) {}

    private func prepare(_ query: SQLQuery) throws -> Statement {
        try database.cachedStatement(sql: query.text(placeholder: "?"))
    }
}

extension SQLQuery {
    fileprivate var grdbArguments: StatementArguments {
        StatementArguments(
            arguments.map { value -> DatabaseValue in
                switch value {
                case .null: .null
                case .integer(let number): number.databaseValue
                case .real(let number): number.databaseValue
                case .text(let text): text.databaseValue
                }
            })
    }
}
