public import CausewayCore
public import Storage
import StorageSQLite

/// A real SQLite of its own with the given schema; gone when nobody holds it or its engine any more.
public struct TestDatabase: Sendable {
    public let engine: any StorageEngine
    public let directory: TemporaryDirectory

    public init(_ migrations: [Migration], at time: Timestamp = Timestamp(milliseconds: 0)) async throws {
        directory = try TemporaryDirectory()
        engine = OwningEngine(
            engine: try SQLiteEngine(path: directory.file("causeway.sqlite")), directory: directory)
        try await Migrator(migrations).migrate(engine, at: time)
    }
}

/// Keeps the directory for as long as the engine is held, since a test may hold the engine alone.
private struct OwningEngine: StorageEngine {
    let engine: SQLiteEngine
    let directory: TemporaryDirectory

    var dialect: SQLDialect { engine.dialect }
    var signals: SignalHub { engine.signals }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await engine.read(body)
    }

    func write<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await engine.write(body)
    }

    func close() async throws { try await engine.close() }
}
