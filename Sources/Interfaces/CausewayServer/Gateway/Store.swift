public import Logging
public import Storage
import StoragePostgres
import StorageSQLite

/// The one place that names engines.
public enum Store {
    /// The database the settings name, opened.
    /// - Parameter statementTimeout: where another than the settings' is needed.
    ///
    /// Throws `GatewayError` and `StorageError`.
    public static func open(
        _ settings: Settings, statementTimeout: Duration? = nil, logger: Logger
    ) throws -> any StorageEngine {
        let database = settings.database
        guard let address = database.address else {
            return try SQLiteEngine(path: try DataDirectory(settings.dataDirectory).database)
        }
        var configuration = PostgresConfiguration(url: address.url, listenURL: database.listenAddress?.url)
        configuration.connections = database.connections
        configuration.connectTimeout = database.connectTimeout
        configuration.statementTimeout = statementTimeout ?? database.statementTimeout
        configuration.lockTimeout = database.lockTimeout
        return try PostgresEngine(configuration, logger: logger)
    }
}
