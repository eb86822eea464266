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

    /// Changes nothing, and waits for nobody who is migrating.
    public func state(of engine: any StorageEngine) async throws -> SchemaState {
        let applied = try await engine.read { try Self.appliedNumbers($0) }
        if applied.isEmpty { return .empty }
        if let newer = newest(unknownIn: applied) { return .ahead(newer) }
        let pending = migrations.map(\.number).filter { !applied.contains($0) }
        return pending.isEmpty ? .current : .behind(pending)
    }

    /// Makes the steps that are still to be made and returns their numbers. Several processes may call it at
    /// once: each step is made once. Throws `SchemaAhead` where a newer program has been here.
    @discardableResult
    public func migrate(_ engine: any StorageEngine, at time: Timestamp) async throws -> [Int] {
        try await engine.write { [self] transaction in
            // Before the table: two that make one at the same time collide in PostgreSQL, IF NOT EXISTS or not.
            try transaction.lock("migrate")
            try transaction.execute(Self.table.declaringText(in: transaction.dialect))
            let applied = try Self.appliedNumbers(transaction)
            if let newer = newest(unknownIn: applied) { throw SchemaAhead(step: newer) }
            let pending = migrations.filter { !applied.contains($0.number) }
            for migration in pending {
                for statement in migration.statements {
                    try transaction.execute(statement.declaringText(in: transaction.dialect))
                }
                try transaction.execute(
                    """
                    INSERT INTO schema_migration (number, reason, applied_at)
                    VALUES (\(migration.number), \(migration.reason), \(time))
                    """)
            }
            return pending.map(\.number)
        }
    }

    private static let table: SQLQuery = """
        CREATE TABLE IF NOT EXISTS schema_migration (
            number BIGINT PRIMARY KEY, reason TEXT NOT NULL, applied_at BIGINT NOT NULL)
        """

    private func newest(unknownIn applied: Set<Int>) -> Int? {
        applied.subtracting(migrations.map(\.number)).max()
    }

    private static func appliedNumbers(_ transaction: any Transaction) throws -> Set<Int> {
        guard try transaction.row(transaction.dialect.findsTable("schema_migration")) != nil else { return [] }
        return Set(try transaction.rows("SELECT number FROM schema_migration").map { try $0["number"] })
    }
}

/// The database has a step that this program does not know. There is no way back.
public struct SchemaAhead: Error, Equatable {
    public let step: Int
}

extension SQLDialect {
    /// A row where there is such a table. Each engine keeps its catalogue in tables of its own.
    fileprivate func findsTable(_ table: String) -> SQLQuery {
        switch name {
        case .sqlite: "SELECT 1 AS one FROM sqlite_master WHERE type = 'table' AND name = \(table)"
        case .postgres: "SELECT 1 AS one FROM pg_catalog.pg_class WHERE oid = to_regclass(\(table))"
        }
    }
}
