/// A database. Two implementations: SQLite (one process) and PostgreSQL (many).
///
/// The bodies of `read` and `write` run on a thread of the engine's, synchronously, and may be run again
/// where the engine had to give up a transaction that conflicted: they change nothing but the transaction.
/// Neither is cut short when the calling task is cancelled: what has happened outside must be written down.
public protocol StorageEngine: Sendable {
    var dialect: SQLDialect { get }

    /// Wakes who waits for a change: fed by `Transaction.signal`, after the commit. On PostgreSQL by every gateway's.
    var signals: SignalHub { get }

    /// What was done since the start, for metrics and the bench.
    var statistics: StorageStatistics { get }

    /// Reads one consistent state.
    func read<Result: Sendable>(_ body: @escaping @Sendable (any Transaction) throws -> Result) async throws -> Result

    /// Returns when the change is durable. An error thrown by `body` undoes everything it did, and nothing else.
    ///
    /// Throws `StorageError.connectionLost(commitSent: true)` where nobody knows whether the change holds; whatever else
    /// it throws, nothing was changed.
    func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result

    /// Waits for what runs and closes all connections.
    func close() async throws
}

extension StorageEngine {
    public func write<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await write(.alone, body)
    }
}

/// Whether changes that arrive together may be made durable by one commit. Each caller is told after that commit only,
/// and a body that throws undoes its own part alone.
public enum CommitSharing: Sendable {
    /// A commit of its own, where the engine has several writers. SQLite has one, so there all changes share.
    case alone
    /// For small changes that come in bursts. The body takes no `lock`, and its rows are not waited for by other
    /// shared changes in another order: what it holds is held until the others have run too.
    case shared
}

/// What the engines say in different words.
public struct SQLDialect: Sendable {
    public enum Name: String, Sendable { case sqlite, postgres }

    public let name: Name

    public init(_ name: Name) { self.name = name }

    /// After a `SELECT` of rows to be claimed: passes over rows that another claim holds. SQLite has one writer.
    public var skipLocked: SQLQuery { name == .postgres ? "FOR UPDATE SKIP LOCKED" : "" }

    /// After a `SELECT` of rows to be changed: waits for whoever is changing them, and reads what they left.
    public var forUpdate: SQLQuery { name == .postgres ? "FOR UPDATE" : "" }

    /// The same after a `SELECT` that joins others, for the rows of `table` alone.
    public func forUpdate(of table: StaticString) -> SQLQuery {
        name == .postgres ? SQLQuery(raw: "FOR UPDATE OF \(table)") : ""
    }

    /// After a `SELECT` that joins `table`: its rows are as whoever changed them last has left them, and nobody changes
    /// them until the transaction's end.
    public func forShare(of table: StaticString) -> SQLQuery {
        name == .postgres ? SQLQuery(raw: "FOR SHARE OF \(table)") : ""
    }

    /// True where one process owns the database, so that leases left by an earlier process are void at start.
    public var isSingleProcess: Bool { name == .sqlite }

    /// How a column of text is declared. PostgreSQL would order by the rules of a language otherwise, which differ from
    /// SQLite's and from one version of the system's libraries to the next, under indexes that were built by the old ones.
    var textColumn: String { name == .postgres ? "TEXT COLLATE \"C\"" : "TEXT" }
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
