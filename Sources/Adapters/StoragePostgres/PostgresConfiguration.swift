public import CausewayCore

/// How a PostgreSQL is reached, and how long it may take.
public struct PostgresConfiguration: Sendable {
    /// `postgres://user:password@host:5432,other/database?sslmode=verify-full&…`, as libpq takes it.
    public var url: Secret
    /// Where notifications are listened for, where `url` leads to a pooler that hands connections from transaction to
    /// transaction; nil: `url`.
    public var listenURL: Secret?
    /// Kept by this process, half of them for reads; one more listens.
    public var connections: Int
    /// For each of the hosts.
    public var connectTimeout: Duration
    public var statementTimeout: Duration
    /// How long one statement may wait for what another transaction holds.
    public var lockTimeout: Duration
    /// How long a body waits for a connection, also while the database is away, before it fails.
    public var patience: Duration
    /// As it stands in `pg_stat_activity`.
    public var applicationName: String

    public init(
        url: Secret, listenURL: Secret? = nil, connections: Int = 8, connectTimeout: Duration = .seconds(10),
        statementTimeout: Duration = .seconds(30), lockTimeout: Duration = .seconds(10),
        patience: Duration = .seconds(10), applicationName: String = "causeway"
    ) {
        self.url = url
        self.listenURL = listenURL
        self.connections = connections
        self.connectTimeout = connectTimeout
        self.statementTimeout = statementTimeout
        self.lockTimeout = lockTimeout
        self.patience = patience
        self.applicationName = applicationName
    }
}
