public import CausewayCore

/// One step of the schema, for every engine the same. Numbers are unique in the whole house; a step that has
/// been released never changes.
public struct Migration: Sendable {
    public let number: Int
    /// Why the step is there, in one line.
    public let reason: String
    public let statements: [SQLQuery]

    public init(number: Int, reason: String, statements: [SQLQuery]) {
        self.number = number
        self.reason = reason
        self.statements = statements
    }
}

/// Where a database stands against the steps this program knows.
public enum SchemaState: Sendable, Equatable {
    case empty
    case current
    /// Steps that are still to be made.
    case behind([Int])
    /// A newer program has been here.
    case ahead(Int)
}

/// Brings a database to the schema of this program under a lock, all steps in one transaction: a kill on the way leaves
/// the schema as it was.
public struct Migrator: Sendable {
    public let migrations: [Migration]

    public init(_ migrations: [Migration]) {
        self.migrations = migrations.sorted { $0.number < $1.number }
        precondition(Set(migrations.map(\.number)).count == migrations.count, "two migrations with one number")
    }

    public func state(of engine: any StorageEngine) async throws -> SchemaState {
        let applied = try await engine.write { transaction in try Self.appliedNumbers(transaction) }
        if applied.isEmpty { return .empty }
        let known = Set(migrations.map(\.number))
        if let newer = applied.first(where: { !known.contains($0) }) { return .ahead(newer) }
        let pending = migrations.map(\.number).filter { !applied.contains($0) }
        return pending.isEmpty ? .current : .behind(pending)
    }

    /// Makes the steps that are still to be made and returns their numbers. Several processes may call it at
    /// once: each step is made once.
    @discardableResult
    public func migrate(_ engine: any StorageEngine, at time: Timestamp) async throws -> [Int] {
        try await engine.write { [migrations] transaction in
            try transaction.lock("migrate")
            let applied = Set(try Self.appliedNumbers(transaction))
            let pending = migrations.filter { !applied.contains($0.number) }
            for migration in pending {
                for statement in migration.statements { try transaction.execute(statement) }
                try transaction.execute(
                    """
                    INSERT INTO schema_migration (number, reason, applied_at)
                    VALUES (\(migration.number), \(migration.reason), \(time))
                    """)
            }
            return pending.map(\.number)
        }
    }

    private static func appliedNumbers(_ transaction: any Transaction) throws -> [Int] {
        try transaction.execute(
            """
            CREATE TABLE IF NOT EXISTS schema_migration (
                number BIGINT PRIMARY KEY, reason TEXT NOT NULL, applied_at BIGINT NOT NULL)
            """)
        return try transaction.rows("SELECT number FROM schema_migration ORDER BY number").map { try $0["number"] }
    }
}
