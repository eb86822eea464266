import CausewayCore
import Storage

/// Facts about the account as a whole, one row each.
struct ExportFacts: Sendable {
    enum Name: String {
        /// Stands in the URL of the account's subscription, whatever host it leads to; made once, for good, since the
        /// URL is also pasted into the vendor's dashboard.
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
        let (seen, missed) = try hookTimes(in: transaction)
        guard let seen else { return false }
        return missed.map { seen > $0 } ?? true
    }

    /// The vendor has called. Every webhook says so, so it is written once a second: whoever writes holds off all others
    /// until its commit. One that came after a miss always counts.
    func hookSeen(at now: Timestamp, in transaction: any Transaction) throws {
        let (seen, missed) = try hookTimes(in: transaction)
        if let seen, now < seen + .seconds(1), missed.map({ seen > $0 }) ?? true { return }
        try set(.hookSeen, to: now, in: transaction)
    }

    func hookMissed(at now: Timestamp, in transaction: any Transaction) throws {
        try set(.hookMissed, to: now, in: transaction)
    }

    private func set(_ name: Name, to time: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO export_fact (name, value) VALUES (\(name.rawValue), \(String(time.milliseconds)))
            ON CONFLICT (name) DO UPDATE SET value = excluded.value
            """)
    }

    private func hookTimes(in transaction: any Transaction) throws -> (seen: Timestamp?, missed: Timestamp?) {
        let names = [Name.hookSeen.rawValue, Name.hookMissed.rawValue]
        var times: [String: Timestamp] = [:]
        for row in try transaction.rows("SELECT name, value FROM export_fact WHERE name IN \(list: names)") {
            let value: String = try row["value"]
            times[try row["name"]] = Int64(value).map(Timestamp.init(milliseconds:))
        }
        return (times[Name.hookSeen.rawValue], times[Name.hookMissed.rawValue])
    }

    private func text(_ name: Name, in transaction: any Transaction) throws -> String? {
        try transaction.row("SELECT value FROM export_fact WHERE name = \(name.rawValue)")?["value"]
    }
}
