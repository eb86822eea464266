import CausewayCore
import Dispatch
import Storage
import StorageSQLite
import Support
import Testing

@Suite("Group commit on SQLite")
@MainActor
struct SQLiteGroupCommitTests {
    struct Stop: Error {}

    let schema = Migration(
        number: 1, reason: "test",
        statements: [
            "CREATE TABLE thing (number BIGINT PRIMARY KEY, filler TEXT)",
            """
            CREATE TABLE part (
                id BIGINT PRIMARY KEY, thing BIGINT NOT NULL REFERENCES thing (number) DEFERRABLE INITIALLY DEFERRED)
            """,
            "CREATE TABLE arrival (id INTEGER PRIMARY KEY AUTOINCREMENT, number BIGINT NOT NULL)",
        ])

    /// Starts the bodies in their order while the writer is held, so that all wait when it is let go, and does `then`.
    /// Everything is on the main actor: a task started there has queued its change before the next one begins.
    private func together(
        _ engine: any StorageEngine, _ bodies: [@Sendable (any Transaction) throws -> Void],
        then: @MainActor () async throws -> Void = {}
    ) async throws -> [Result<Void, any Error>] {
        let isHeld = SignalSubscription()
        let gate = DispatchSemaphore(value: 0)
        let holder = Task {
            try await engine.write { _ in
                isHeld.signal()
                gate.wait()
            }
        }
        try await isHeld.next()
        let tasks = bodies.map { body in Task { try await engine.write(.shared, body) } }
        await Task {}.value
        gate.signal()
        try await then()
        try await holder.value
        var results: [Result<Void, any Error>] = []
        for task in tasks { results.append(await task.result) }
        return results
    }

    private func numbers(_ engine: any StorageEngine, _ table: SQLQuery = "thing") async throws -> [Int] {
        try await engine.read { try $0.rows("SELECT number FROM \(query: table)").map { try $0["number"] } }
    }

    private func errors(_ results: [Result<Void, any Error>]) -> [Int: any Error] {
        var errors: [Int: any Error] = [:]
        for (index, result) in results.enumerated() {
            if case .failure(let error) = result { errors[index] = error }
        }
        return errors
    }

    @Test("64 changes that come together take one commit, in the order of their callers")
    func sharing() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        let (commits, writes) = (engine.statistics[.commits], engine.statistics[.writes])
        let results = try await together(
            engine,
            (0..<64).map { number in
                { try $0.execute("INSERT INTO arrival (number) VALUES (\(number))") }
            })
        #expect(errors(results).isEmpty)
        #expect(try await numbers(engine, "arrival ORDER BY id") == Array(0..<64))
        // The change that held the writer has a commit of its own.
        #expect(engine.statistics[.writes] - writes == 65)
        #expect(engine.statistics[.commits] - commits == 2)
        #expect(engine.statistics[.retries] == 0)
    }

    @Test("a body that throws undoes its own part and its own signals, and nothing else")
    func throwing() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        try await engine.signals.withSubscription(to: ["odd"]) { odd in
            try await engine.signals.withSubscription(to: ["even"]) { even in
                let results = try await together(
                    engine,
                    (0..<10).map { number in
                        { transaction in
                            try transaction.execute("INSERT INTO thing (number) VALUES (\(number))")
                            transaction.signal(number % 2 == 0 ? "even" : "odd")
                            if number % 2 == 1 { throw Stop() }
                        }
                    })
                #expect(errors(results).keys.sorted() == [1, 3, 5, 7, 9])
                #expect(errors(results).values.allSatisfy { $0 is Stop })
                try await even.next()
                let time = SystemTimeSource()
                #expect(try await !odd.next(until: time.now(), by: time))
            }
        }
        #expect(try await numbers(engine) == [0, 2, 4, 6, 8])
    }

    @Test("on a full disk, where SQLite gives up all of them, who asks too much is told and the others hold")
    func fullDisk() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        try await fill(engine)
        let results = try await together(
            engine,
            (0..<9).map { number in
                { transaction in
                    let filler = number == 4 ? String(repeating: "x", count: 1_000_000) : "small"
                    try transaction.execute("INSERT INTO thing (number, filler) VALUES (\(number), \(filler))")
                }
            })
        #expect(errors(results).keys.sorted() == [4])
        #expect(errors(results)[4] as? StorageError == .full)
        #expect(try await numbers(engine) == [0, 1, 2, 3, 5, 6, 7, 8])
        #expect(engine.statistics[.retries] > 0)
    }

    @Test("after an error that cost the whole transaction nothing of the same body is written, caught or not")
    func caughtLoss() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        try await fill(engine)
        let greedy: @Sendable (any Transaction) throws -> Void = { transaction in
            let filler = String(repeating: "x", count: 1_000_000)
            _ = try? transaction.execute("INSERT INTO thing (number, filler) VALUES (1, \(filler))")
            _ = try? transaction.execute("INSERT INTO thing (number) VALUES (2)")
        }
        await #expect(throws: StorageError.full) { try await engine.write(greedy) }
        let results = try await together(
            engine, [{ try $0.execute("INSERT INTO thing (number) VALUES (3)") }, greedy])
        #expect(errors(results).keys.sorted() == [1])
        #expect(try await numbers(engine) == [3])
    }

    @Test("where the commit fails, nobody is told success for it, and each is tried alone")
    func failingCommit() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        let results = try await together(
            engine,
            [
                { try $0.execute("INSERT INTO thing (number) VALUES (1)") },
                { try $0.execute("INSERT INTO part (id, thing) VALUES (1, 99)") },
                { try $0.execute("INSERT INTO part (id, thing) VALUES (2, 1)") },
            ])
        #expect(errors(results).keys.sorted() == [1])
        #expect(try await numbers(engine) == [1])
        #expect(try await numbers(engine, "(SELECT id AS number FROM part)") == [2])
        #expect(engine.statistics[.retries] == 3)
    }

    @Test("what was thrown over a change that did not hold is not believed")
    func refusalOverLostChange() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        let results = try await together(
            engine,
            [
                { transaction in
                    try transaction.execute("INSERT INTO thing (number) VALUES (1)")
                    try transaction.execute("INSERT INTO part (id, thing) VALUES (1, 99)")
                },
                { try $0.execute("INSERT INTO thing (number) VALUES (1)") },
            ])
        #expect(errors(results).keys.sorted() == [0])
        #expect(try await numbers(engine) == [1])
    }

    @Test("readers see nothing of it before the commit")
    func isolation() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        let isInside = SignalSubscription()
        let gate = DispatchSemaphore(value: 0)
        let results = try await together(
            engine,
            [
                { try $0.execute("INSERT INTO thing (number) VALUES (1)") },
                { _ in
                    isInside.signal()
                    gate.wait()
                },
            ]
        ) {
            try await isInside.next()
            #expect(try await numbers(engine).isEmpty)
            gate.signal()
        }
        #expect(errors(results).isEmpty)
        #expect(try await numbers(engine) == [1])
    }

    @Test("a store that is closed has done what waited, and takes nothing more")
    func closing() async throws {
        let database = try await TestDatabase([schema])
        let engine = database.engine
        let results = try await together(
            engine,
            (0..<200).map { number in
                { try $0.execute("INSERT INTO thing (number) VALUES (\(number))") }
            }
        ) {
            try await engine.close()
        }
        #expect(errors(results).isEmpty)
        await #expect(throws: StorageError.self) {
            try await engine.write { _ in }
        }
        let other = try SQLiteEngine(path: database.directory.file("causeway.sqlite"))
        #expect(try await numbers(other).count == 200)
    }

    /// Leaves room for small rows alone.
    private func fill(_ engine: any StorageEngine) async throws {
        try await engine.write { transaction in
            let pages: Int = try transaction.row("PRAGMA page_count")?["page_count"] ?? 0
            _ = try transaction.rows("PRAGMA max_page_count = \(query: SQLQuery(raw: "\(pages + 4)"))")
        }
    }
}
