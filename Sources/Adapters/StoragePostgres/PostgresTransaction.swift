import Storage

/// Statements on one connection, until the first that fails: from then on PostgreSQL takes no more in this transaction,
/// whatever the body does with the error.
final class PostgresTransaction: Transaction {
    let dialect = SQLDialect(.postgres)
    private(set) var topics: Set<SignalTopic> = []
    private(set) var failure: PostgresFailure?
    private let connection: PostgresConnection
    private let statistics: StorageStatistics

    init(_ connection: PostgresConnection, statistics: StorageStatistics) {
        self.connection = connection
        self.statistics = statistics
    }

    func execute(_ query: SQLQuery) throws -> Int { try run(query).changedRows }

    func rows(_ query: SQLQuery) throws -> [ResultRow] { try run(query).rows() }

    func signal(_ topic: SignalTopic) { topics.insert(topic) }

    /// The schema's name keeps two installations in one database apart.
    func lock(_ name: String) throws {
        _ = try run("SELECT pg_advisory_xact_lock(hashtextextended(current_schema() || '/' || \(name), 0))")
    }

    private func run(_ query: SQLQuery) throws -> PostgresResult {
        if let failure { throw failure.storageError }
        guard !query.arguments.contains(where: \.holdsNUL) else { throw StorageError.textNotStorable }
        statistics.add(.statements)
        do throws(PostgresFailure) {
            return try connection.run(query.text(placeholder: "$"), query.arguments)
        } catch {
            failure = error
            throw error.storageError
        }
    }
}
