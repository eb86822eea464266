public import CausewayCore
public import Storage
public import StorageSQLite

/// A real SQLite of its own with the given schema; gone afterwards.
public struct TestDatabase: Sendable {
    public let engine: SQLiteEngine
    public let directory: TemporaryDirectory

    public init(_ migrations: [Migration], at time: Timestamp = Timestamp(milliseconds: 0)) async throws {
        directory = try TemporaryDirectory()
        engine = try SQLiteEngine(path: directory.file("causeway.sqlite"))
        try await Migrator(migrations).migrate(engine, at: time)
    }
}
