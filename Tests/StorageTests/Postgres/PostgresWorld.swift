import CausewayCore
import Logging
import Storage
import StoragePostgres
import Support

/// A database of its own with one table, and engines on it.
struct PostgresWorld: Sendable {
    let cluster: PostgresCluster
    let database: String

    /// - Parameter cluster: the shared one where nil.
    init(_ cluster: PostgresCluster? = nil) async throws {
        if let cluster { self.cluster = cluster } else { self.cluster = try await .shared() }
        database = "world_" + RandomToken.make(bytes: 6).utf8.map { String($0, radix: 16) }.joined()
        try await self.cluster.query("CREATE DATABASE \(database)")
        try await self.cluster.query(
            "CREATE TABLE thing (id TEXT PRIMARY KEY, number BIGINT NOT NULL)", in: database)
    }

    func engine(
        port: Int? = nil, parameters: String = "", _ adjust: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> PostgresEngine {
        let url = cluster.tcpURL.replacing("/postgres", with: "/\(database)")
            .replacing(":\(cluster.port)/", with: ":\(port ?? cluster.port)/")
        return try Self.engine(url: url + parameters, adjust)
    }

    static func engine(
        url: String, _ adjust: (inout PostgresConfiguration) -> Void = { _ in }
    ) throws -> PostgresEngine {
        var configuration = PostgresConfiguration(url: Secret(url), connections: 4, patience: patience)
        adjust(&configuration)
        return try PostgresEngine(configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// What is in the table, seen past all engines.
    func things() async throws -> [String] {
        try await cluster.query("SELECT id FROM thing ORDER BY id", in: database).split(separator: " ").map(String.init)
    }
}

extension StorageEngine {
    func add(_ id: String, _ sharing: CommitSharing = .alone) async throws {
        _ = try await write(sharing) { try $0.execute("INSERT INTO thing (id, number) VALUES (\(id), 1)") }
    }

    func number(of id: String) async throws -> Int? {
        try await read { try $0.row("SELECT number FROM thing WHERE id = \(id)")?["number"] }
    }
}
