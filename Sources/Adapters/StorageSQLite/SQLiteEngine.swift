import CausewayCore
import GRDB
public import Storage

/// SQLite in one file: write-ahead log, every commit synced to the disk, one writer and several readers. Changes that
/// arrive together share a commit.
public final class SQLiteEngine: StorageEngine {
    public let dialect = SQLDialect(.sqlite)
    public let signals = SignalHub()
    public let statistics = StorageStatistics()
    private let pool: DatabasePool
    private let waiting = WaitingWrites()

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
                            let transaction = try SQLiteTransaction(access.get(), dialect: self.dialect)
                            defer { self.statistics.add(.statements, transaction.statements) }
                            let result = try body(transaction)
                            self.statistics.add(.reads)
                            return result
                        } catch {
                            throw StorageError.translating(error)
                        }
                    })
            }
        }
    }

    public func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append(QueuedWrite(sharing, body, resuming: continuation)) {
                pool.asyncWriteWithoutTransaction { self.drain($0) }
            }
        }
    }

    /// On the writer's thread, until nothing waits: what comes while a commit is on its way shares the next.
    private func drain(_ database: Database) {
        let group = GroupCommit(database: database, dialect: dialect, signals: signals, statistics: statistics)
        while true {
            let writes = waiting.take(upTo: GroupCommit.mostWrites)
            if writes.isEmpty { return }
            let ended = group.commit(writes)
            if ended < writes.count { waiting.putBack(writes[ended...]) }
        }
    }

    public func close() async throws {
        waiting.close()
        try pool.close()
    }
}
