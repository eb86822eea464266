import ArgumentParser
import CausewayCore
import CausewayServer
import Foundation
import Logging
import Storage

/// `causeway migrate`
struct Migrate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Bring the database to this program's schema.",
        discussion: """
            All steps are made in one transaction, or none; several that run at once make each step once. There is no \
            way back: a database that a newer program has been at is refused.
            """)

    @OptionGroup var options: SettingsOptions
    @Flag(help: "Show the steps that are to be made, and make none.")
    var dryRun = false

    /// A step over a large table takes its time.
    private static let statementTimeout = Duration.seconds(3600)

    func run() async throws {
        let settings = try options.settings(.administration)
        let isShared = settings.database.address != nil
        if dryRun, !isShared, !FileManager.default.fileExists(atPath: settings.dataDirectory + "/causeway.sqlite") {
            // Opening it would make it.
            return show(Schema.migrator.migrations)
        }
        // Not under a gateway that serves.
        let lock = dryRun ? nil : try DataDirectoryLock(for: settings)
        defer { withExtendedLifetime(lock) {} }
        let engine = try Store.open(
            settings, statementTimeout: Self.statementTimeout, logger: settings.makeLogger())
        let plan = try await Schema.plan(for: engine)
        show(plan)
        if !plan.isEmpty, !dryRun {
            if isShared, plan.count < Schema.migrator.migrations.count {
                print("Gateways that run now were started for the schema before: restart each with this program.")
            }
            let made = try await Schema.migrate(engine, at: SystemTimeSource().now())
            let others = plan.count - made.count
            print("\(steps(made.count)) made." + (others > 0 ? " Another process made \(others)." : ""))
        }
        try await engine.close()
    }

    private func show(_ plan: [Migration]) {
        for step in plan { print("\(step.number)  \(step.reason)") }
        if plan.isEmpty {
            print("The schema is current.")
        } else if dryRun {
            print("\(steps(plan.count)) to be made. Nothing was changed.")
        }
    }

    private func steps(_ count: Int) -> String { count == 1 ? "1 step" : "\(count) steps" }
}
