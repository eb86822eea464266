import CausewayCore
import Foundation
import Logging
public import Storage
import StoragePostgres

/// A database of its own in the PostgreSQL that all tests share, gone with the body it is handed to.
public struct PostgresDatabase: Sendable {
    public let url: String

    public static func with<Result>(_ body: (PostgresDatabase) async throws -> Result) async throws -> Result {
        let cluster = try await PostgresCluster.shared()
        let name = "test_\(UUID().uuidString.replacing("-", with: "").lowercased())"
        try await cluster.query("CREATE DATABASE \(name)")
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(PostgresDatabase(url: cluster.url(of: name))))
        } catch {
            result = .failure(error)
        }
        try await cluster.query("DROP DATABASE \(name) WITH (FORCE)")
        return try result.get()
    }

    /// With an engine on it and the given schema.
    public static func with<Result>(
        _ migrations: [Migration], _ body: (any StorageEngine) async throws -> Result
    ) async throws -> Result {
        try await with { database in
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let engine = try PostgresEngine(
                PostgresConfiguration(url: Secret(database.url), patience: patience), logger: logger)
            let result: Swift.Result<Result, any Error>
            do {
                try await Migrator(migrations).migrate(engine, at: Timestamp(milliseconds: 0))
                result = .success(try await body(engine))
            } catch {
                result = .failure(error)
            }
            try await engine.close()
            return try result.get()
        }
    }
}
