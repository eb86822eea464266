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
            // Steps of a schema concern GRDB.
            if query.arguments.isEmpty { try statement.execute() } else { try statement.run(query.arguments) }
            return database.changesCount
        }
    }

    func rows(_ query: SQLQuery) throws -> [ResultRow] {
        try perform(query) { statement in
            let columns = ResultColumns(names: statement.columnNames)
            let places = 0..<Int32(statement.columnCount)
            var rows: [ResultRow] = []
            try statement.run(query.arguments) { row in
                let values = try places.map { place in
                    guard let value = row.value(at: place) else {
                        throw StorageError.unexpectedValue(column: statement.columnNames[Int(place)])
                    }
                    return value
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
