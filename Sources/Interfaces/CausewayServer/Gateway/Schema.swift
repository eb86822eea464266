import Access
public import CausewayCore
import Events
import Exports
import Fanout
import Imports
public import Storage
import WorkQueue

/// The whole schema: every domain brings its own steps, numbered in one row.
public enum Schema {
    public static let migrator = Migrator(
        HouseMigrations.all + EventMigrations.all + WorkQueueMigrations.all + AccessMigrations.all
            + ExportMigrations.all + FanoutMigrations.all + ImportMigrations.all)

    /// For whoever works on the store: makes the schema in an empty database, and refuses any other than this program's.
    /// Throws `GatewayError.schema`.
    public static func prepare(_ engine: any StorageEngine, at now: Timestamp) async throws {
        switch try await migrator.state(of: engine) {
        case .current: return
        case .empty: try await migrate(engine, at: now)
        case .behind(let steps):
            throw GatewayError.schema(
                "The database is \(steps.count) steps behind this program. Run `causeway migrate`, then start again.")
        case .ahead(let step): throw ahead(step)
        }
    }

    /// Makes the steps that are still to be made and returns their numbers. Throws `GatewayError.schema`.
    @discardableResult
    public static func migrate(_ engine: any StorageEngine, at now: Timestamp) async throws -> [Int] {
        do {
            return try await migrator.migrate(engine, at: now)
        } catch let error as SchemaAhead {
            throw ahead(error.step)
        }
    }

    /// What is still to be made, in order. Throws `GatewayError.schema`.
    public static func plan(for engine: any StorageEngine) async throws -> [Migration] {
        switch try await migrator.state(of: engine) {
        case .current: return []
        case .empty: return migrator.migrations
        case .behind(let steps): return migrator.migrations.filter { steps.contains($0.number) }
        case .ahead(let step): throw ahead(step)
        }
    }

    private static func ahead(_ step: Int) -> GatewayError {
        .schema(
            """
            The database has step \(step), which this program does not know: a newer one has been here. Nothing was \
            changed, and there is no way back. Use the newer program.
            """)
    }
}
