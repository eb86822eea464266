import CausewayCore
import GRDB
public import Storage

/// SQLite in one file: write-ahead log, every commit synced to the disk, one writer and several readers. Changes that
/// arrive together share a commit, reads that wait together a snapshot.
public final class SQLiteEngine: StorageEngine {
    public let dialect = SQLDialect(.sqlite)
    public let signals = SignalHub()
    public let statistics = StorageStatistics()
    private let pool: DatabasePool
    private let waiting = WaitingWrites()
    private let reads: WaitingReads

    /// Opens or makes the file at `path`. Throws `StorageError` where it cannot.
    public init(path: String, readers: Int = 4, busyTimeout: Duration = .seconds(10)) throws {
        reads = WaitingReads(readers: readers)
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
                // In KiB, and in pages of 4 KiB: what is changed again and again is not read again each time, and is
                // copied from the log into the database less often. The log stays below some tens of megabytes.
                try database.execute(sql: "PRAGMA cache_size = -16384")
                try database.execute(sql: "PRAGMA wal_autocheckpoint = 4096")
                // What a statement or a savepoint would undo: otherwise a file for each transaction.
                try database.execute(sql: "PRAGMA temp_store = MEMORY")
            }
        } catch {
            throw StorageError(sqlite: error)
        }
    }

    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            reads.append(QueuedTransaction(.shared, body, resuming: continuation), orStart: startReading)
        }
    }

    private func startReading() {
        pool.asyncRead { access in
            // Taken before the snapshot is: whoever asked sees all that was committed before.
            let reads = self.reads.take()
            do {
                let database = try access.get()
                for read in reads { self.run(read, database) }
            } catch {
                for read in reads { read.finish(.failure(StorageError.translating(error))) }
            }
            self.reads.ended(orGoOn: self.startReading)
        }
    }

    private func run(_ read: QueuedTransaction, _ database: Database) {
        let transaction = SQLiteTransaction(database, dialect: dialect)
        let result = Result {
            do {
                return try read.run(in: transaction)
            } catch {
                throw StorageError.translating(error)
            }
        }
        // Before its end is told, so that who was told sees it counted.
        statistics.add(.statements, transaction.statements)
        statistics.add(.reads)
        read.finish(result)
    }

    public func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            waiting.append(QueuedTransaction(sharing, body, resuming: continuation)) {
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
        reads.close()
        try pool.close()
    }
}
