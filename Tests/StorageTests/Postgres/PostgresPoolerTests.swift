import CausewayCore
import Storage
import StoragePostgres
import Support
import Testing

@Suite("PostgreSQL behind a pooler that hands connections from transaction to transaction")
struct PostgresPoolerTests {
    @Test("does all it does without one: statements are not prepared, settings hold for a transaction")
    func works() async throws {
        let world = try await PostgresWorld()
        let pooler = try await PgBouncer(world)
        let engine = try PostgresWorld.engine(url: pooler.url) { $0.connections = 8 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<200 {
                group.addTask {
                    try await engine.add("t\(number)", number.isMultiple(of: 2) ? .shared : .alone)
                    #expect(try await engine.number(of: "t\(number)") == 1)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await world.things().count == 200)
        let (inside, prepared) = try await engine.write { transaction in
            (
                try transaction.row("SELECT current_setting('lock_timeout') AS value")?["value"] as String?,
                try transaction.row("SELECT COUNT(*) AS n FROM pg_prepared_statements")?["n"] as Int?
            )
        }
        #expect(inside == "10s")
        #expect(prepared == 0)
        try await engine.close()
    }

    @Test("holds a lock by its name over two of them")
    func locks() async throws {
        let world = try await PostgresWorld()
        let pooler = try await PgBouncer(world)
        let engines = [try PostgresWorld.engine(url: pooler.url), try world.engine()]
        try await engines[1].add("a")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for engine in engines {
                group.addTask {
                    for _ in 0..<20 {
                        try await engine.write { transaction in
                            try transaction.lock("counter")
                            let number: Int = try transaction.row("SELECT number FROM thing")?["number"] ?? 0
                            try transaction.execute("UPDATE thing SET number = \(number + 1)")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await engines[1].number(of: "a") == 41)
        for engine in engines { try await engine.close() }
    }

    @Test("hears notifications past it, where it is told how")
    func listening() async throws {
        let world = try await PostgresWorld()
        let pooler = try await PgBouncer(world)
        let (one, other) = (
            try world.engine(),
            try PostgresWorld.engine(url: pooler.url) {
                $0.listenURL = Secret(world.cluster.url(of: world.database))
            }
        )
        try await other.signals.withSubscription(to: ["thing"]) { signal in
            try await signal.next()
            try await one.write { $0.signal("thing") }
            try await signal.next()
        }
        try await one.close()
        try await other.close()
    }
}
