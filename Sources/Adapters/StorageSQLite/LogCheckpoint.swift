import GRDB
import GRDBSQLite
import Storage
import Synchronization

/// Copies the write-ahead log into the database, on a connection of its own beside the writer: a commit that has to do it
/// keeps everybody waiting for as long as the disk takes for some megabytes.
///
/// While commits keep coming the log cannot begin anew, so it grows; from `most` pages on the writer copies what is left
/// itself, which is little by then.
final class LogCheckpoint: Sendable {
    /// Of 4 KiB, since the last copy.
    private static let due: Int32 = 2048
    /// 64 MiB.
    private static let most: Int32 = 16_384

    private struct State {
        /// Pages of the log that are in the database.
        var copied: Int32 = 0
        var isCopying = false
    }

    private let queue: DatabaseQueue
    private let state = Mutex(State())

    init(path: String, configuration: Configuration) throws {
        queue = try DatabaseQueue(path: path, configuration: configuration)
    }

    /// To be told of the writer's commits, in place of SQLite's own checkpoints; it must outlive the connection.
    func follow(_ writer: Database) {
        let context = unsafe Unmanaged.passUnretained(self).toOpaque()
        unsafe sqlite3_wal_hook(
            writer.sqliteConnection,
            { context, connection, _, pages in
                guard let context = unsafe context else { return SQLITE_OK }
                let isTooLong = unsafe Unmanaged<LogCheckpoint>.fromOpaque(context).takeUnretainedValue().grew(
                    to: pages)
                // What fails here (a full disk, somebody else at it) is tried again after the next commit.
                if isTooLong { unsafe sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_PASSIVE, nil, nil) }
                return SQLITE_OK
            }, context)
    }

    /// True where it is too long to be left to the copy beside.
    private func grew(to pages: Int32) -> Bool {
        if pages >= Self.most { return true }
        let isDue = state.withLock { state in
            if pages < state.copied { state.copied = 0 }
            guard !state.isCopying, pages - state.copied >= Self.due else { return false }
            state.isCopying = true
            return true
        }
        if isDue { queue.asyncWriteWithoutTransaction { self.copy($0) } }
        return false
    }

    private func copy(_ database: Database) {
        let copied = try? database.checkpoint(.passive).checkpointedFrameCount
        state.withLock { state in
            if let copied { state.copied = Int32(clamping: copied) }
            state.isCopying = false
        }
    }

    func close() throws { try queue.close() }
}
