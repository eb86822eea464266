import CausewayCore
import Storage
import Support
import Testing

@Suite("A storage engine", .onEveryEngine)
struct StorageEngineTests {
    let schema = Migration(
        number: 1, reason: "test", statements: ["CREATE TABLE thing (id TEXT PRIMARY KEY, number BIGINT)"])

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
            let time = SystemTimeSource()
            func isWoken() async throws -> Bool {
                _ = try? await engine.write { transaction in
                    try transaction.execute("INSERT INTO thing (id, number) VALUES ('a', 1)")
                    transaction.signal("thing")
                    throw Stop()
                }
                return try await signal.next(until: time.now(), by: time)
            }
            // PostgreSQL's listener wakes everybody once, when it has connected.
            if try await isWoken() { #expect(try await !isWoken()) }
            try await engine.write { $0.signal("thing") }
            try await signal.next()
        }
        let count = try await engine.read { try $0.row("SELECT COUNT(*) AS n FROM thing")?["n"] as Int? }
        #expect(count == 0)
    }

    @Test("lets many read at once: each sees what was committed before it asked, and fails alone")
    func readsTogether() async throws {
        struct Stop: Error {}
        let database = try await TestDatabase([schema])
        let engine = database.engine
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 1...200 {
                group.addTask {
                    _ = try await engine.write {
                        try $0.execute("INSERT INTO thing (id, number) VALUES (\("t\(number)"), \(number))")
                    }
                    await #expect(throws: Stop.self) { try await engine.read { _ throws -> Int in throw Stop() } }
                    let found = try await engine.read {
                        try $0.row("SELECT number FROM thing WHERE id = \("t\(number)")")?["number"] as Int?
                    }
                    #expect(found == number)
                }
            }
            try await group.waitForAll()
        }
        await #expect(throws: StorageError.self) { try await engine.read { try $0.rows("SELECT nothing FROM thing") } }
    }

    @Test("refuses text with U+0000, which PostgreSQL cannot keep")
    func nulInText() async throws {
        let database = try await TestDatabase([schema])
        await #expect(throws: StorageError.textNotStorable) {
            try await database.engine.write { try $0.execute("INSERT INTO thing (id) VALUES (\("a\0b"))") }
        }
        await #expect(throws: StorageError.textNotStorable) {
            try await database.engine.read { try $0.rows("SELECT * FROM thing WHERE id = \("a\0b")") }
        }
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
        let other = try database.open()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                let engine = number % 2 == 0 ? database.engine : other
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
