import CausewayCore
import Storage
import StorageSQLite
import Support
import Testing

@Suite("The SQLite engine")
struct SQLiteEngineTests {
    let schema = Migration(
        number: 1, reason: "test", statements: ["CREATE TABLE thing (id TEXT PRIMARY KEY, number BIGINT)"])

    @Test("syncs every commit: synchronous reads FULL, the journal is a write-ahead log")
    func durability() async throws {
        let database = try await TestDatabase([schema])
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

    @Test("binds interpolated values as arguments, in whatever order and number they come")
    func arguments() async throws {
        let database = try await TestDatabase([schema])
        let hostile = "'; DROP TABLE thing; --"
        let values = try await database.engine.write { transaction in
            try transaction.execute("INSERT INTO thing (number, id) VALUES (\(7), \(hostile))")
            let condition: SQLQuery = "number IN \(list: [1, 7, 9])"
            let row = try transaction.row(
                "SELECT id, \("x") AS marker FROM thing WHERE \(query: condition) AND id = \(hostile)")
            return (try row?["id"] as String?, try row?["marker"] as String?)
        }
        #expect(values.0 == hostile)
        #expect(values.1 == "x")
    }

    @Test("finds nothing in an empty list")
    func emptyList() async throws {
        let database = try await TestDatabase([schema])
        let rows = try await database.engine.read { try $0.rows("SELECT * FROM thing WHERE id IN \(list: [String]())") }
        #expect(rows.isEmpty)
    }

    @Test("undoes everything, signals included, when the body throws")
    func rollback() async throws {
        struct Stop: Error {}
        let database = try await TestDatabase([schema])
        let engine = database.engine
        try await engine.signals.withSubscription(to: ["thing"]) { signal in
            await #expect(throws: Stop.self) {
                try await engine.write { transaction in
                    try transaction.execute("INSERT INTO thing (id, number) VALUES ('a', 1)")
                    transaction.signal("thing")
                    throw Stop()
                }
            }
            let time = SystemTimeSource()
            #expect(try await !signal.next(until: time.now(), by: time))
            try await engine.write { $0.signal("thing") }
            try await signal.next()
        }
        let count = try await engine.read { try $0.row("SELECT COUNT(*) AS n FROM thing")?["n"] as Int? }
        #expect(count == 0)
    }

    @Test("names a unique violation as such")
    func uniqueViolation() async throws {
        let database = try await TestDatabase([schema])
        await #expect {
            try await database.engine.write { transaction in
                try transaction.execute("INSERT INTO thing (id) VALUES ('a')")
                try transaction.execute("INSERT INTO thing (id) VALUES ('a')")
            }
        } throws: {
            if case StorageError.uniqueViolation = $0 { true } else { false }
        }
    }

    @Test("writes down what has happened even when the calling task is cancelled")
    func cancellation() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        let task = Task {
            unsafe withUnsafeCurrentTask { unsafe $0?.cancel() }
            return try await engine.write { transaction in
                try transaction.execute("INSERT INTO thing (id) VALUES ('a')")
            }
        }
        #expect(try await task.value == 1)
    }

    @Test("keeps one writer waiting for another instead of failing")
    func writers() async throws {
        let database = try await TestDatabase([schema])
        let other = try SQLiteEngine(path: database.directory.file("causeway.sqlite"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                let engine: any StorageEngine = number % 2 == 0 ? database.engine : other
                group.addTask {
                    _ = try await engine.write { transaction in
                        try transaction.execute("INSERT INTO thing (id, number) VALUES (\("\(number)"), \(number))")
                    }
                }
            }
            try await group.waitForAll()
        }
        let count = try await other.read { try $0.row("SELECT COUNT(*) AS n FROM thing")?["n"] as Int? }
        #expect(count == 200)
    }
}
