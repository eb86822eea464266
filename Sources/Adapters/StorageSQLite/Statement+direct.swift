import GRDB
import GRDBSQLite
import Storage

/// A statement that GRDB has prepared, bound and stepped by SQLite's own functions: GRDB's arguments and rows, made for
/// many types, cost more than most of our statements. Nobody observes changes through GRDB, so it need not see them.
extension Statement {
    /// Runs it to its end, from its beginning.
    /// - Parameter take: gets each row.
    ///
    /// Throws `DatabaseError`, and `StorageError.textNotStorable`, as the other engine must.
    func run(_ arguments: [SQLValue], row take: (StatementRow) throws -> Void = { _ in }) throws {
        let statement = unsafe sqliteStatement
        // What is left of it keeps locks and memory.
        defer {
            unsafe sqlite3_reset(statement)
            unsafe sqlite3_clear_bindings(statement)
        }
        for (index, argument) in zip(Int32(1)..., arguments) {
            guard try bind(argument, at: index) == SQLITE_OK else { throw failure }
        }
        while true {
            switch unsafe sqlite3_step(statement) {
            case SQLITE_DONE: return
            case SQLITE_ROW: try take(StatementRow(self))
            default: throw failure
            }
        }
    }

    private func bind(_ argument: SQLValue, at index: Int32) throws -> Int32 {
        let statement = unsafe sqliteStatement
        switch argument {
        case .null: return unsafe sqlite3_bind_null(statement, index)
        case .integer(let number): return unsafe sqlite3_bind_int64(statement, index, number)
        case .real(let number): return unsafe sqlite3_bind_double(statement, index, number)
        // Without bytes there may be no address, which would mean NULL.
        case .text(""): return unsafe sqlite3_bind_text(statement, index, "", 0, Self.copied)
        case .text(var text):
            return try text.withUTF8 { bytes in
                if unsafe bytes.contains(0) { throw StorageError.textNotStorable }
                return unsafe bytes.withMemoryRebound(to: CChar.self) {
                    unsafe sqlite3_bind_text(statement, index, $0.baseAddress, Int32($0.count), Self.copied)
                }
            }
        }
    }

    /// SQLITE_TRANSIENT.
    private static var copied: sqlite3_destructor_type {
        unsafe unsafeBitCast(-1, to: sqlite3_destructor_type.self)
    }

    private var failure: DatabaseError {
        let connection = unsafe sqlite3_db_handle(sqliteStatement)
        return DatabaseError(
            resultCode: ResultCode(rawValue: unsafe sqlite3_extended_errcode(connection)),
            message: unsafe String(cString: sqlite3_errmsg(connection)), sql: sql)
    }
}

/// The row a statement stands at, until its next step.
@safe struct StatementRow {
    private let statement: SQLiteStatement

    fileprivate init(_ statement: Statement) { unsafe self.statement = statement.sqliteStatement }

    /// Nil where it is a blob, which no column of ours holds.
    func value(at column: Int32) -> SQLValue? {
        switch unsafe sqlite3_column_type(statement, column) {
        case SQLITE_INTEGER: return .integer(unsafe sqlite3_column_int64(statement, column))
        case SQLITE_FLOAT: return .real(unsafe sqlite3_column_double(statement, column))
        case SQLITE_TEXT:
            let start = unsafe sqlite3_column_text(statement, column)
            let count = Int(unsafe sqlite3_column_bytes(statement, column))
            return .text(unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self))
        case SQLITE_NULL: return .null
        default: return nil
        }
    }
}
