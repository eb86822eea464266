public import Logging
public import Storage

/// PostgreSQL, for several gateways on one database: connections on threads of their own, and one more that listens.
///
/// Invariants: a body is run again only where the transaction before it cannot hold; a caller is told of success only
/// after the commit was answered; a session is used again only where its last transaction has ended.
public final class PostgresEngine: StorageEngine {
    public let dialect = SQLDialect(.postgres)
    public let signals = SignalHub()
    public let statistics = StorageStatistics()
    private let patience: Duration
    private let readers: ConnectionPool
    private let writers: ConnectionPool
    private let listener: NotificationListener

    /// Returns at once; connections are made when they are needed. Throws `StorageError` where the system gives no
    /// thread.
    public init(_ configuration: PostgresConfiguration, logger: Logger) throws {
        patience = configuration.patience
        listener = NotificationListener(configuration, hub: signals, logger: logger)
        let link = PostgresLink(
            configuration: configuration, statistics: statistics, signals: signals, listener: listener, logger: logger)
        let forReads = max(1, configuration.connections / 2)
        readers = ConnectionPool(
            name: "postgres-read", threads: forReads, mode: .readOnly, link: link)
        writers = ConnectionPool(
            name: "postgres-write", threads: max(1, configuration.connections - forReads), mode: .readWrite,
            link: link)
        guard readers.start(), writers.start(), listener.start() else {
            throw StorageError.failed(detail: "the threads for PostgreSQL could not be started")
        }
    }

    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            readers.add(QueuedTransaction(.alone, body, resuming: continuation), until: .now + patience)
        }
    }

    public func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            writers.add(QueuedTransaction(sharing, body, resuming: continuation), until: .now + patience)
        }
    }

    public func close() async throws {
        await readers.close()
        await writers.close()
        await listener.close()
    }
}

/// What the threads of an engine share.
struct PostgresLink: Sendable {
    let configuration: PostgresConfiguration
    let statistics: StorageStatistics
    let signals: SignalHub
    let listener: NotificationListener
    let logger: Logger

    /// After the commit: who waits here, and in the other gateways.
    func post(_ topics: Set<SignalTopic>) {
        guard !topics.isEmpty else { return }
        for topic in topics { signals.post(topic) }
        listener.tell(topics)
    }
}
