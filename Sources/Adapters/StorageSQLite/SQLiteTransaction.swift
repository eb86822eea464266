import GRDB
import Storage

/// Statements on one GRDB connection. Prepared ones are kept by GRDB, by text.
final class SQLiteTransaction: Transaction {
    let dialect: SQLDialect
    private(set) var topics: Set<SignalTopic> = []
    private(set) var statements = 0
    /// What made SQLite give up the whole transaction, as a full disk does: nothing may be run after it, since each
    /// statement would hold by itself.
    private(set) var loss: (any Error)?
    private let database: Database

    init(_ database: Database, dialect: SQLDialect) {
        self.database = database
        self.dialect = dialect
    }

    func execute(_ query: SQLQuery) throws -> Int {
        try perform(query) { statement in
            try statement.execute(arguments: query.grdbArguments)
            return database.changesCount
        }
    }

    func rows(_ query: SQLQuery) throws -> [ResultRow] {
        try perform(query) { statement in
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
    }

    func signal(_ topic: SignalTopic) {
        topics.insert(topic)
    }

    /// SQLite has one writer: an immediate transaction has every lock.
    func lock(_ name: String) {}

    private func perform<Result>(_ query: SQLQuery, _ work: (Statement) throws -> Result) throws -> Result {
        if let loss { throw loss }
        statements += 1
        do {
            return try work(database.cachedStatement(sql: query.text))
        } catch {
            if !database.isInsideTransaction { loss = error }
            throw error
        }
    }
}

extension SQLQuery {
    /// Throws `StorageError.textNotStorable`, as the other engine must.
    fileprivate var grdbArguments: StatementArguments {
        get throws {
            StatementArguments(
                try arguments.map { value -> DatabaseValue in
                    switch value {
                    case .null: return .null
                    case .integer(let number): return number.databaseValue
                    case .real(let number): return number.databaseValue
                    case .text(let text):
                        if text.utf8.contains(0) { throw StorageError.textNotStorable }
                        return text.databaseValue
                    }
                })
        }
    }
}
