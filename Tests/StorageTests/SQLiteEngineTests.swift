import Storage
import Support
import Testing

@Suite("The SQLite engine")
struct SQLiteEngineTests {
    @Test("syncs every commit: synchronous reads FULL, the journal is a write-ahead log")
    func durability() async throws {
        let database = try await TestDatabase()
        let (synchronous, journal, timeout) = try await database.engine.write { transaction in
            (
                try transaction.row("PRAGMA synchronous")?["synchronous"] as Int?,
                try transaction.row("PRAGMA journal_mode")?["journal_mode"] as String?,
                try transaction.row("PRAGMA busy_timeout")?["timeout"] as Int?
            )
        }
        #expect(synchronous == 2)
        #expect(journal == "wal")
        #expect(timeout == 10_000)
    }
}
