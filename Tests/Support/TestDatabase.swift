public import CausewayCore
public import Storage
import StorageSQLite

/// A real SQLite of its own with the given schema; gone afterwards.
public struct TestDatabase: Sendable {
    public let engine: any StorageEngine
    public let directory: TemporaryDirectory

    public init(_ migrations: [Migration], at time: Timestamp = Timestamp(milliseconds: 0)) async throws {
        directory = try TemporaryDirectory()
        let engine = try SQLiteEngine(path: directory.file("causeway.sqlite"))
        self.engine = engine
        try await Migrator(migrations).migrate(engine, at: time)
    }
}
