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
        EventMigrations.all + WorkQueueMigrations.all + AccessMigrations.all + ExportMigrations.all
            + FanoutMigrations.all + ImportMigrations.all)

    /// For whoever works on the store: makes the schema in an empty database, and refuses any other than this program's.
    /// Throws `GatewayError.schema`.
    public static func prepare(_ engine: any StorageEngine, at now: Timestamp) async throws {
        switch try await migrator.state(of: engine) {
        case .current: return
        case .empty: try await migrator.migrate(engine, at: now)
        case .behind(let steps):
            throw GatewayError.schema(
                "The database is \(steps.count) steps behind this program. Run `causeway migrate`, then start again.")
        case .ahead(let step):
            throw GatewayError.schema(
                "The database has step \(step), which this program does not know: a newer one has been here. Use that.")
        }
    }
}
