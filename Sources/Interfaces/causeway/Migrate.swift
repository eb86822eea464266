import ArgumentParser
import CausewayCore
import CausewayServer
import Storage
import StorageSQLite

/// `causeway migrate`
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to this program's schema.")

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try options.settings(.administration)
        let directory = try DataDirectory(settings.dataDirectory)
        // Not under a gateway that serves.
        let lock = try DataDirectoryLock(directory)
        defer { withExtendedLifetime(lock) {} }
        let engine = try SQLiteEngine(path: directory.database)
        if case .ahead(let step) = try await Schema.migrator.state(of: engine) {
            throw CommandFailure(
                "The database has step \(step), which this program does not know. Nothing was changed.")
        }
        let time = SystemTimeSource()
        let steps = try await Schema.migrator.migrate(engine, at: time.now())
        for migration in Schema.migrator.migrations where steps.contains(migration.number) {
            print("\(migration.number)  \(migration.reason)")
        }
        print(steps.isEmpty ? "The schema is current." : "\(steps.count) steps made.")
        try await engine.close()
    }
}
