import CausewayCore
import GRDB
public import Storage

/// SQLite in one file: write-ahead log, every commit synced to the disk, one writer and several readers.
public final class SQLiteEngine: StorageEngine {
    public let dialect = SQLDialect(skipLocked: "", isSingleProcess: true)
    public let signals = SignalHub()
    private let pool: DatabasePool

    /// Opens or makes the file at `path`. Throws `StorageError` where it cannot.
    public init(path: String, readers: Int = 4, busyTimeout: Duration = .seconds(10)) throws {
        var configuration = Configuration()
        configuration.maximumReaderCount = readers
        configuration.busyMode = .timeout(busyTimeout.inSeconds)
        configuration.label = "causeway.sqlite"
        do {
            pool = try DatabasePool(path: path, configuration: configuration)
            // GRDB puts NORMAL when it sets up the write-ahead log, after prepareDatabase: set it afterwards.
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
                let level = try Int.fetchOne(database, sql: "PRAGMA synchronous")
                guard level == 2 else { throw StorageError.failed(detail: "synchronous reads \(level ?? -1)") }
            }
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            pool.asyncRead { access in
                continuation.resume(
                    with: Swift.Result {
                        do {
                            return try body(SQLiteTransaction(access.get(), dialect: self.dialect))
                        } catch {
                            throw StorageError.translating(error)
                        }
                    })
            }
        }
    }

    public func write<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            pool.asyncWriteWithoutTransaction { database in
                continuation.resume(
                    with: Swift.Result {
                        do {
                            return try self.commit(database, body)
                        } catch {
                            throw StorageError.translating(error)
                        }
                    })
            }
        }
    }

    private func commit<Result>(
        _ database: Database, _ body: (any Transaction) throws -> Result
    ) throws -> Result {
        let transaction = SQLiteTransaction(database, dialect: dialect)
        var result: Result?
        try database.inTransaction(.immediate) {
            result = try body(transaction)
            return .commit
        }
        for topic in transaction.topics { signals.post(topic) }
        guard let result else { throw StorageError.failed(detail: "a transaction without a result") }
        return result
    }

    public func close() async throws {
        try pool.close()
    }
}
