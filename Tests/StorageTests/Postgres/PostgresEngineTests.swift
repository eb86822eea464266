import CausewayCore
import Storage
import StoragePostgres
import Support
import Synchronization
import Testing

@Suite("The PostgreSQL engine")
struct PostgresEngineTests {
    @Test("takes no word for durability but its own: a commit is synced whatever the server's default is")
    func durability() async throws {
        let world = try await PostgresWorld()
        try await world.cluster.query("ALTER DATABASE \(world.database) SET synchronous_commit = off")
        let engine = try world.engine()
        let level = try await engine.write { transaction -> String? in
            try transaction.row("SELECT current_setting('synchronous_commit') AS level")?["level"]
        }
        #expect(level == "on")
        try await engine.close()
    }

    @Test("lets changes that may share a commit share it, and tells each after it")
    func sharing() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine { $0.connections = 2 }
        let ids = (0..<500).map { "t\($0)" }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for id in ids {
                group.addTask {
                    try await engine.add(id, .shared)
                    #expect(try await engine.number(of: id) == 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await world.things().count == 500)
        #expect(engine.statistics[.writes] == 500)
        #expect(engine.statistics[.commits] < 400)
        try await engine.close()
    }

    @Test("undoes in a shared commit only what throws")
    func sharingWithFailure() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine { $0.connections = 2 }
        try await engine.add("t7")
        let refused = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<100 {
                group.addTask {
                    do {
                        try await engine.add("t\(number)", .shared)
                        return 0
                    } catch StorageError.uniqueViolation {
                        return 1
                    }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(refused == 1)
        #expect(try await world.things().count == 100)
        try await engine.close()
    }

    @Test("runs both bodies of a deadlock to their end")
    func deadlock() async throws {
        let world = try await PostgresWorld()
        try await world.cluster.query("ALTER DATABASE \(world.database) SET deadlock_timeout = '20ms'")
        let engine = try world.engine { $0.connections = 8 }
        try await engine.add("a")
        try await engine.add("b")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for pair in [["a", "b"], ["b", "a"], ["a", "b"], ["b", "a"]] {
                group.addTask {
                    for _ in 0..<50 {
                        try await engine.write { transaction in
                            for id in pair {
                                try transaction.execute("UPDATE thing SET number = number + 1 WHERE id = \(id)")
                            }
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await engine.number(of: "a") == 201)
        #expect(try await engine.number(of: "b") == 201)
        try await engine.close()
    }

    @Test("runs a body again that met a conflict, and says so when that does not help")
    func conflict() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine()
        let runs = Atomic(0)
        try await engine.write { transaction in
            try transaction.execute("INSERT INTO thing (id, number) VALUES ('a', 1)")
            guard runs.add(1, ordering: .relaxed).newValue == 3 else { throw StorageError.conflict }
        }
        #expect(runs.load(ordering: .relaxed) == 3)
        await #expect(throws: StorageError.conflict) { try await engine.write { _ in throw StorageError.conflict } }
        #expect(try await world.things() == ["a"])
        try await engine.close()
    }

    @Test("says that it is busy where somebody holds what is wanted for too long")
    func lockTimeout() async throws {
        let world = try await PostgresWorld()
        let (one, other) = (try world.engine(), try world.engine { $0.lockTimeout = .milliseconds(50) })
        try await one.add("a")
        let (isHeld, mayEnd) = (SignalSubscription(), SignalSubscription())
        async let holder: Void = one.write { transaction in
            try transaction.execute("UPDATE thing SET number = 2 WHERE id = 'a'")
            isHeld.signal()
            try Waiting.block { try await mayEnd.next() }
        }
        try await isHeld.next()
        await #expect(throws: StorageError.busy) {
            try await other.write { try $0.execute("UPDATE thing SET number = 3 WHERE id = 'a'") }
        }
        mayEnd.signal()
        try await holder
        #expect(try await other.number(of: "a") == 2)
        try await one.close()
        try await other.close()
    }

    @Test("goes on after another program has changed a table under its prepared statements")
    func changedTable() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine { $0.connections = 2 }
        try await engine.add("a")
        for _ in 0..<3 { _ = try await engine.read { try $0.rows("SELECT * FROM thing") } }
        try await world.cluster.query("ALTER TABLE thing ADD COLUMN colour TEXT DEFAULT 'red'", in: world.database)
        let colour: String? = try await engine.read { try $0.row("SELECT * FROM thing")?["colour"] }
        #expect(colour == "red")
        try await engine.close()
    }

    @Test("keeps working with more texts of statements than it keeps prepared")
    func manyStatements() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine { $0.connections = 2 }
        let sum = try await engine.read { transaction in
            var sum = 0
            for number in 0..<1200 {
                sum += try transaction.row(SQLQuery(raw: "SELECT \(number) AS n"))?["n"] ?? 0
            }
            return sum
        }
        #expect(sum == 1199 * 600)
        try await engine.close()
    }

    @Test("runs what was queued before it is closed, and refuses what comes later")
    func closing() async throws {
        let world = try await PostgresWorld()
        let engine = try world.engine { $0.connections = 2 }
        try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<50 {
                group.addTask {
                    do {
                        try await engine.add("t\(number)")
                        return true
                    } catch StorageError.failed {
                        return false
                    }
                }
            }
            try await engine.close()
            var held = 0
            for try await isHeld in group where isHeld { held += 1 }
            #expect(try await world.things().count == held)
        }
        await #expect(throws: StorageError.self) { try await engine.add("late") }
    }

    @Test("tells the other gateways of a change, once it is durable")
    func notification() async throws {
        let world = try await PostgresWorld()
        let (one, other) = (try world.engine(), try world.engine())
        let topics = (0..<300).map { SignalTopic("thing:\(String(repeating: "x", count: 100))\($0)") }
        try await other.signals.withSubscription(to: [topics[299]]) { signal in
            // The first wakes whoever subscribed before the connection stood.
            try await one.write { transaction in topics.forEach { transaction.signal($0) } }
            try await signal.next()
            try await one.write { transaction in topics.forEach { transaction.signal($0) } }
            try await signal.next()
        }
        try await one.close()
        try await other.close()
    }
}
