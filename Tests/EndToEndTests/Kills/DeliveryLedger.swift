import CausewayCore
import Storage
import StorageSQLite

/// What the gateway has on record of its deliveries, read in its SQLite while it does not run.
struct DeliveryLedger: Sendable {
    struct Entry: Hashable, Sendable {
        let subscription: String
        let event: String
    }

    private(set) var states: [Entry: String] = [:]
    /// The whole event log.
    private(set) var events: Set<String> = []

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

    /// Those that were under way when it ended.
    var underWay: Set<Entry> { Set(states.filter { $0.value == "delivering" }.keys) }
}
