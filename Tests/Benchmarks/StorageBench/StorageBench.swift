import CausewayCore
import Events
import Fanout
import Logging
import Storage
import StoragePostgres
import StorageSQLite
import WorkQueue

/// The measured half of `make bench` for the store; `Tests/Benchmarks/run` starts it beside `bare_loop.c`.
///
///     storage-bench prepare DATABASE COUNT         tables, and COUNT finished work items and deliveries
///     storage-bench add DATABASE COUNT             COUNT work items that are due
///     storage-bench writes DATABASE SECONDS        64 callers, a row of 900 bytes each time
///     storage-bench work DATABASE                  claims and completes all due items, 100 to a transaction
///     storage-bench worker DATABASE                the same through a worker whose handler does nothing
///     storage-bench deliveries DATABASE COUNT URL  sends COUNT deliveries
///     storage-bench fairness DATABASE COUNT URL new|known  300 events to 10 subscribers beside COUNT dead ones
///     storage-bench latency DATABASE RATE URL      RATE events a second to one subscriber, for 20 s
///     storage-bench backlog DATABASE COUNT URL     sends 20,000 deliveries of COUNT that are due
///
/// DATABASE is a file, or a URL that begins with `postgres://`. Prints operations a second; `deliveries` also the
/// statements that each took; `fairness` the healthy ones' p50 and p99 in milliseconds, and the dead ones' attempts; `latency` p50 and p99.
@main
struct StorageBench {
    static let migrations = EventMigrations.all + WorkQueueMigrations.all + FanoutMigrations.all
    static let kind = "bench"

    let database: String
    let engine: any StorageEngine
    let logger: Logger

    static func main() async throws {
        let arguments = Array(CommandLine.arguments.dropFirst())
        guard arguments.count >= 2 else { throw WrongUse() }
        let count = arguments.count > 2 ? Int(arguments[2]) : nil
        let bench = try StorageBench(database: arguments[1])
        switch (arguments[0], count) {
        case ("prepare", let count?): try await bench.prepare(finished: count)
        case ("add", let count?): try await bench.addWork(count)
        case ("writes", let seconds?): print(try await bench.writes(for: .seconds(seconds)).formatted)
        case ("work", nil): print(try await bench.work().formatted)
        case ("worker", nil): print(try await bench.worker().formatted)
        case ("deliveries", let count?) where arguments.count == 4:
            let result = try await bench.deliveries(count, to: arguments[3])
            print(result.rate.formatted, result.statements)
        case ("fairness", let count?) where arguments.count == 5:
            try await Migrator(Self.migrations).migrate(bench.engine, at: SystemTimeSource().now())
            let waits = try await bench.fairness(dead: count, isKnown: arguments[4] == "known", to: arguments[3])
            print(waits.p50, waits.p99, waits.dead)
        case ("latency", let rate?) where arguments.count == 4:
            try await Migrator(Self.migrations).migrate(bench.engine, at: SystemTimeSource().now())
            let waits = try await bench.latency(rate: rate, to: arguments[3])
            print(waits.p50, waits.p99)
        case ("backlog", let count?) where arguments.count == 4:
            try await Migrator(Self.migrations).migrate(bench.engine, at: SystemTimeSource().now())
            print(try await bench.backlog(count, to: arguments[3]).formatted)
        default: throw WrongUse()
        }
        try await bench.engine.close()
    }

    struct WrongUse: Error {}

    init(database: String) throws {
        self.database = database
        var logger = Logger(label: "storage-bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        self.logger = logger
        engine = try Self.open(database, logger: logger)
    }

    /// Does not tell of each failed attempt.
    var quiet: Logger {
        var logger = logger
        logger.logLevel = .critical
        return logger
    }

    static func open(_ database: String, logger: Logger) throws -> any StorageEngine {
        guard database.hasPrefix("postgres://") else { return try SQLiteEngine(path: database) }
        return try PostgresEngine(
            PostgresConfiguration(url: Secret(database), statementTimeout: .seconds(120)), logger: logger)
    }

    /// How many times a second, from how often it was done since `begin`.
    static func rate(_ count: Int, since begin: ContinuousClock.Instant) -> Double {
        Double(count) / (ContinuousClock.now - begin).inSeconds
    }
}

extension Double {
    fileprivate var formatted: String { String(Int(self)) }
}
