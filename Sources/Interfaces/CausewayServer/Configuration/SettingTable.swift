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
        "data_dir", .path, default: "./causeway-data", "Database, uploads and mirrored files.")
    static let databaseURL = Setting(
        "database_url", .databaseURL, note: "SQLite in data_dir", isSecret: true,
        "The database; postgres:// for several gateways on one database comes with a later version.")
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

    // MARK: Outbound

    static let proxy = Setting(
        "outbound.proxy", .httpURL, note: "none, whatever the environment says",
        "A proxy for every request to the vendor and to subscribers. It must refuse private addresses by itself.")
    static let caFile = Setting(
        "outbound.ca_file", .path, note: "the system's", "A PEM file with the authorities to trust.")

    // MARK: The log

    static let logLevel = Setting("log.level", .oneOf as SettingKind<Logger.Level>, default: "info", "What is logged.")
    static let logFormat = Setting(
        "log.format", .oneOf as SettingKind<LogFormat>, note: "json (text on a terminal)",
        "One JSON object a line, or text for people.")

    public static let all: [SettingDescription] = service + vendor + exports + deliveries + imports + operation

    private static let service: [SettingDescription] = [
        listen.description, publicURL.description, internalURL.description, dataDirectory.description,
        databaseURL.description, filesURL.description, adminKey.description,
    ]

    private static let operation: [SettingDescription] = [
        shutdownGrace.description, proxy.description, caFile.description, logLevel.description,
        logFormat.description, s3Endpoint.description, s3Region.description, s3AccessKey.description,
        s3SecretKey.description,
    ]
}
