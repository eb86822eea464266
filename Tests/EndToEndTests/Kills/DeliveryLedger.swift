import CausewayCore
import Storage
import StorageSQLite
import Support

/// What gateways have on record of their deliveries, read in the database itself.
struct DeliveryLedger: Sendable {
    struct Entry: Hashable, Sendable {
        let subscription: String
        let event: String
    }

    private(set) var states: [Entry: String] = [:]
    /// The whole event log.
    private(set) var events: Set<String> = []

    /// In its SQLite, while it does not run.
    init(of gateway: GatewayProcess) async throws {
        let engine = try SQLiteEngine(path: gateway.dataDirectory + "/causeway.sqlite")
        (states, events) = try await engine.read { transaction in
            let rows = try transaction.rows(
                """
                SELECT s.id AS subscription, e.id AS event, d.state AS state FROM delivery d
                JOIN subscription s ON s.number = d.subscription_number
                JOIN event_log e ON e.sequence = d.event_sequence
                """)
            let states = try rows.map { row -> (Entry, String) in
                (Entry(subscription: try row["subscription"], event: try row["event"]), try row["state"])
            }
            let events: [String] = try transaction.rows("SELECT id FROM event_log").map { try $0["id"] }
            return (Dictionary(uniqueKeysWithValues: states), Set(events))
        }
        try await engine.close()
    }

    /// On PostgreSQL, whoever runs.
    init(of cluster: PostgresCluster) async throws {
        let text = try await cluster.query(
            """
            SELECT s.id || '|' || e.id || '|' || d.state FROM delivery d
            JOIN subscription s ON s.number = d.subscription_number
            JOIN event_log e ON e.sequence = d.event_sequence
            """)
        for row in text.split(separator: " ") {
            let values = row.split(separator: "|").map(String.init)
            guard values.count == 3 else { continue }
            states[Entry(subscription: values[0], event: values[1])] = values[2]
        }
        events = Set(try await cluster.query("SELECT id FROM event_log").split(separator: " ").map(String.init))
    }

    /// Those that were under way when it ended.
    var underWay: Set<Entry> { Set(states.filter { $0.value == "delivering" }.keys) }
}
