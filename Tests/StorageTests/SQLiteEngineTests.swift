import Foundation
import Storage
import StorageSQLite
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

    /// In bytes of the file.
    private func size(of path: String) throws -> Int {
        try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
    }

    @Test("the log is copied into the database beside the writer, and by the writer where it grows all the same")
    func checkpoint() async throws {
        let directory = try TemporaryDirectory()
        let path = directory.file("store.sqlite")
        let engine = try SQLiteEngine(path: path)
        _ = try await engine.write {
            try $0.execute("CREATE TABLE thing (id BIGINT PRIMARY KEY, content TEXT NOT NULL)")
        }
        let megabyte = String(repeating: "a", count: 1 << 20)
        func write(_ ids: Range<Int64>) async throws {
            for id in ids {
                _ = try await engine.write {
                    try $0.execute("INSERT INTO thing (id, content) VALUES (\(id), \(megabyte))")
                }
            }
        }
        try await write(0..<10)
        while try size(of: path) < 8 << 20 { await Task.yield() }
        try await write(10..<150)
        #expect(try size(of: path + "-wal") < 100 << 20)
        try await engine.close()
        #expect(try size(of: path) > 150 << 20)
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    }
}
