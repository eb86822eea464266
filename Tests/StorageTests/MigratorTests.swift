import CausewayCore
import Storage
import Support
import Testing

@Suite("Migrations", .onEveryEngine)
struct MigratorTests {
    let first = Migration(number: 1, reason: "one", statements: ["CREATE TABLE one (id TEXT)"])
    let second = Migration(number: 2, reason: "two", statements: ["CREATE TABLE two (id TEXT)"])

    @Test("are told apart: empty, behind, current, ahead")
    func states() async throws {
        let engine = try await TestDatabase().engine
        #expect(try await Migrator([first]).state(of: engine) == .empty)
        #expect(try await Migrator([first]).migrate(engine, at: Timestamp(milliseconds: 0)) == [1])
        #expect(try await Migrator([first]).state(of: engine) == .current)
        #expect(try await Migrator([second, first]).state(of: engine) == .behind([2]))
        try await Migrator([first, second]).migrate(engine, at: Timestamp(milliseconds: 0))
        #expect(try await Migrator([first]).state(of: engine) == .ahead(2))
        await #expect(throws: SchemaAhead.self) {
            try await Migrator([first]).migrate(engine, at: Timestamp(milliseconds: 0))
        }
    }

    @Test("are made all or none: what breaks on the way leaves an empty database")
    func allOrNone() async throws {
        let engine = try await TestDatabase().engine
        let broken = Migration(number: 3, reason: "three", statements: ["CREATE TABLE one (id TEXT)"])
        await #expect(throws: StorageError.self) {
            try await Migrator([first, second, broken]).migrate(engine, at: Timestamp(milliseconds: 0))
        }
        #expect(try await Migrator([first]).state(of: engine) == .empty)
    }

    @Test("are made once when ten processes start at once")
    func race() async throws {
        let database = try await TestDatabase()
        let engines = try (0..<10).map { _ in try database.open() }
        let migrator = Migrator([first, second])
        let made = try await withThrowingTaskGroup(of: [Int].self) { group in
            for engine in engines {
                group.addTask { try await migrator.migrate(engine, at: Timestamp(milliseconds: 0)) }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(made.sorted() == [1, 2])
    }
}
