import CausewayCore
import Storage

/// Facts about the account as a whole, one row each.
struct ExportFacts: Sendable {
    enum Name: String {
        /// Stands in the URL of the account's subscription; made once, for good.
        case eventsToken = "events_token"
        /// When the vendor last called one of our hooks.
        case hookSeen = "hook_seen"
        /// When an export's end was last found by polling before any hook told of it.
        case hookMissed = "hook_missed"
    }

    func eventsToken(in transaction: any Transaction) throws -> String? {
        try text(.eventsToken, in: transaction)
    }

    /// The token there is, or a new one.
    func makeEventsToken(in transaction: any Transaction) throws -> String {
        try transaction.execute(
            """
            INSERT INTO export_fact (name, value)
            VALUES (\(Name.eventsToken.rawValue), \(RandomToken.make())) ON CONFLICT (name) DO NOTHING
            """)
        guard let token = try eventsToken(in: transaction) else { throw StorageError.conflict }
        return token
    }

    /// Whether the vendor's hooks are known to arrive: the last one came after the last that was missed.
    func hooksArrive(in transaction: any Transaction) throws -> Bool {
        guard let seen = try time(.hookSeen, in: transaction) else { return false }
        return try time(.hookMissed, in: transaction).map { seen > $0 } ?? true
    }

    func set(_ name: Name, to time: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO export_fact (name, value) VALUES (\(name.rawValue), \(String(time.milliseconds)))
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }

    private func time(_ name: Name, in transaction: any Transaction) throws -> Timestamp? {
        try text(name, in: transaction).flatMap { Int64($0) }.map(Timestamp.init(milliseconds:))
    }

    private func text(_ name: Name, in transaction: any Transaction) throws -> String? {
        try transaction.row("SELECT value FROM export_fact WHERE name = \(name.rawValue)")?["value"]
    }
}
