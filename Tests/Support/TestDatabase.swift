public import CausewayCore
import Logging
public import Storage
import StoragePostgres
import StorageSQLite
import Synchronization

/// A real database of its own with the given schema, on the engine that the test runs on (`.onEveryEngine`; SQLite
/// where it does not say). On PostgreSQL it is one of its own in the shared cluster, so that notifications and locks are
/// its own too, and goes at the test's end; on SQLite it goes when nobody holds it or its engine any more.
public struct TestDatabase: Sendable {
    public let engine: any StorageEngine
    /// For what a gateway keeps beside the database; goes with it.
    public let directory: TemporaryDirectory
    /// Nil on SQLite.
    private let url: Secret?

    private static let counter = Atomic(0)

    public init(_ migrations: [Migration] = [], at time: Timestamp = Timestamp(milliseconds: 0)) async throws {
        directory = try TemporaryDirectory()
        switch TestEngine.current {
        case .sqlite: url = nil
        case .postgres:
            let cluster = try await PostgresCluster.shared()
            let name = "test_\(Self.counter.wrappingAdd(1, ordering: .relaxed).newValue)"
            try await cluster.query("CREATE DATABASE \(name)")
            try TestEngine.atTheEnd { try await cluster.query("DROP DATABASE \(name) WITH (FORCE)") }
            url = Secret(cluster.url(of: name))
        }
        engine = try Self.open(url, directory)
        if !migrations.isEmpty { try await Migrator(migrations).migrate(engine, at: time) }
    }

    /// The same database once more, as another gateway has it.
    public func open() throws -> any StorageEngine { try Self.open(url, directory) }

    private static func open(_ url: Secret?, _ directory: TemporaryDirectory) throws -> any StorageEngine {
        guard let url else {
            return OwningEngine(
                engine: try SQLiteEngine(path: directory.file("causeway.sqlite")), directory: directory)
        }
        let engine = try PostgresEngine(
            PostgresConfiguration(
                url: url, connections: 4, statementTimeout: patience, lockTimeout: patience, patience: patience),
            logger: Logger(label: "test.postgres"))
        try TestEngine.atTheEnd { try await engine.close() }
        return engine
    }
}

/// Keeps the directory for as long as the engine is held, since a test may hold the engine alone.
private struct OwningEngine: StorageEngine {
    let engine: any StorageEngine
    let directory: TemporaryDirectory

    var dialect: SQLDialect { engine.dialect }
    var signals: SignalHub { engine.signals }
    var statistics: StorageStatistics { engine.statistics }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await engine.read(body)
    }

    func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await engine.write(sharing, body)
    }

    func close() async throws { try await engine.close() }
}
