/// A database. Two implementations: SQLite (one process) and PostgreSQL (many).
///
/// The bodies of `read` and `write` run on a thread of the engine's, synchronously, and may be run again
/// where the engine had to give up a transaction that conflicted: they change nothing but the transaction.
/// Neither is cut short when the calling task is cancelled: what has happened outside must be written down.
public protocol StorageEngine: Sendable {
    var dialect: SQLDialect { get }

    /// Wakes who waits for a change: fed by `Transaction.signal`, after the commit.
    var signals: SignalHub { get }

    /// Reads one consistent state.
    func read<Result: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> Result) async throws -> Result

    /// Returns when the change is durable. An error thrown by `body` undoes everything it did.
    func write<Result: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> Result) async throws -> Result

    /// Waits for what runs and closes all connections.
    func close() async throws
}

/// What the engines say in different words.
public struct SQLDialect: Sendable {
    /// After a `SELECT` of rows to be claimed: passes over rows that another claim holds.
    public let skipLocked: SQLQuery
    /// True where one process owns the database, so that leases left by an earlier process are void at start.
    public let isSingleProcess: Bool

    public init(skipLocked: SQLQuery, isSingleProcess: Bool) {
        self.skipLocked = skipLocked
        self.isSingleProcess = isSingleProcess
    }
}

/// Statements that hold together or not at all. Valid only inside the body it was handed to.
public protocol Transaction {
    var dialect: SQLDialect { get }

    /// Runs a statement and returns how many rows it changed.
    @discardableResult
    func execute(_ query: SQLQuery) throws -> Int

    func rows(_ query: SQLQuery) throws -> [ResultRow]

    /// Wakes who waits for `topic` once this transaction is durable; nobody where it is undone.
    func signal(_ topic: SignalTopic)

    /// Holds off every other transaction that locks the same name until this one ends.
    func lock(_ name: String) throws
}

extension Transaction {
    public func row(_ query: SQLQuery) throws -> ResultRow? {
        try rows(query).first
    }

    public func all<Value: RowDecodable>(_ query: SQLQuery) throws -> [Value] {
        try rows(query).map(Value.init(row:))
    }

    public func first<Value: RowDecodable>(_ query: SQLQuery) throws -> Value? {
        try row(query).map(Value.init(row:))
    }
}
