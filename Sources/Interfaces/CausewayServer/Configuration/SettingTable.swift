import Logging

/// Every setting there is, in the order in which it is documented.
public enum SettingTable {
    // MARK: The service

    static let listen = Setting(
        "listen", .listenAddress, default: "127.0.0.1:8080", "Where the server listens.")
    static let publicURL = Setting(
        "public_url", .httpURL, note: "http:// and listen",
        "Where the vendor reaches /hooks. While it is a private address only polling works.")
    static let internalURL = Setting(
        "internal_url", .httpURL, note: "public_url", "Under which callers are given links to files.")
    static let dataDirectory = Setting(
        "data_dir", .path, default: "./causeway-data",
        "Uploads, mirrored files and, without database_url, the database. Gateways on one database share it.")
    static let databaseURL = Setting(
        "database_url", .databaseAddress, note: "SQLite in data_dir, for one gateway", isSecret: true,
        """
        A PostgreSQL database, for several gateways at once. As libpq takes it, so with several hosts \
        (target_session_attrs=read-write finds the one to write to), sslmode=verify-full and the like.
        """)
    static let filesURL = Setting(
        "files_url", .filesURL, note: "data_dir", "Where files are kept; s3:// comes with a later version.")
    static let adminKey = Setting(
        "admin_key", .secret, note: "none", isSecret: true,
        "A key with every scope that needs no record, for set-up.")

    // MARK: S3

    static let s3Endpoint = Setting("s3.endpoint", .httpURL, note: "none", "For files_url = s3://….")
    static let s3Region = Setting("s3.region", .text, note: "none", "For files_url = s3://….")
    static let s3AccessKey = Setting("s3.access_key", .secret, note: "none", isSecret: true, "For files_url = s3://….")
    static let s3SecretKey = Setting("s3.secret_key", .secret, note: "none", isSecret: true, "For files_url = s3://….")

    // MARK: The server

    static let shutdownGrace = Setting(
        "server.shutdown_grace", .duration(.seconds(1) ... .seconds(600)), default: "30s",
        "How long requests and deliveries in flight may take to end after SIGTERM.")

    static let metricsKey = Setting(
        "metrics.key", .secret, note: "none: whoever reaches the gateway may read /metrics", isSecret: true,
        "What /metrics asks for, as a Bearer token or as Basic's password.")

    // MARK: Secrets

    static let secretsKey = Setting(
        "secrets.key", .encryptionKey, note: "none: they stand in the database as they are", isSecret: true,
        """
        Encrypts the signing secrets and header values of subscriptions in the database; what stood there in clear is \
        encrypted at the next start. `openssl rand -base64 32` makes one. Without it what it has encrypted cannot be read.
        """)
    static let previousSecretsKeys = Setting(
        "secrets.previous_keys", .encryptionKeys, note: "none", isSecret: true,
        """
        Earlier values of secrets.key: they still open what they encrypted, which the start encrypts anew. With several \
        gateways a new key stands here on all of them before it is secrets.key on one.
        """)

    // MARK: The database

    static let databaseConnections = Setting(
        "database.connections", .number(2...200), default: "8", "Connections of one gateway to PostgreSQL.")
    static let statementTimeout = Setting(
        "database.statement_timeout", .duration(.seconds(1) ... .seconds(3600)), default: "30s",
        "PostgreSQL ends a statement that takes longer.")
    static let lockTimeout = Setting(
        "database.lock_timeout", .duration(.seconds(1) ... .seconds(3600)), default: "10s",
        "How long a statement waits for what another transaction holds.")
    static let databaseConnectTimeout = Setting(
        "database.connect_timeout", .duration(.seconds(2) ... .seconds(300)), default: "10s",
        "For one connection to one host of PostgreSQL.")
    static let listenURL = Setting(
        "database.listen_url", .databaseAddress, note: "database_url", isSecret: true,
        """
        The same database for LISTEN, where database_url leads to a pooler in transaction mode: past it. Without, \
        gateways there hear of one another's changes by looking every two seconds.
        """)

    // MARK: The audit log

    static let auditRetention = Setting(
        "audit.retention", .duration(.seconds(86_400) ... .seconds(36_500 * 86_400)), default: "400d",
        "How long the audit log keeps who did what.")

    // MARK: Outbound

    static let proxy = Setting(
        "outbound.proxy", .httpURL, note: "none, whatever the environment says",
        "A proxy for every request to the vendor and to subscribers. Names of subscribers and of the vendor's files are "
            + "resolved and judged here; it is handed the address (CONNECT, also to port 80).")
    static let proxyJudges = Setting(
        "outbound.proxy_judges", .boolean, default: "false",
        "The proxy gets names instead, where they cannot be resolved here. It must refuse private addresses by itself.")
    static let caFile = Setting(
        "outbound.ca_file", .path, note: "the system's", "A PEM file with the authorities to trust.")

    // MARK: The log

    static let logLevel = Setting("log.level", .oneOf as SettingKind<Logger.Level>, default: "info", "What is logged.")
    static let logFormat = Setting(
        "log.format", .oneOf as SettingKind<LogFormat>, note: "json (text on a terminal)",
        "One JSON object a line, or text for people.")

    public static let all: [SettingDescription] =
        service + vendor + exports + schedules + mirror + deliveries + imports + operation

    private static let service: [SettingDescription] = [
        listen.description, publicURL.description, internalURL.description, dataDirectory.description,
        databaseURL.description, filesURL.description, adminKey.description,
    ]

    private static let operation: [SettingDescription] = [
        shutdownGrace.description, metricsKey.description, secretsKey.description,
        previousSecretsKeys.description, auditRetention.description, databaseConnections.description,
        statementTimeout.description, lockTimeout.description, databaseConnectTimeout.description,
        listenURL.description, proxy.description, proxyJudges.description, caFile.description,
        logLevel.description, logFormat.description,
        s3Endpoint.description, s3Region.description, s3AccessKey.description,
        s3SecretKey.description,
    ]
}
