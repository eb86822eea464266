import CausewayCore
import Storage

/// For each `public_url` that gateways serve: the vendor's key of the account's subscription that leads there, and when
/// a gateway last looked after it.
struct WebhookRegistrations: Sendable {
    struct Row: RowDecodable, Hashable {
        let publicURL: String
        /// Nil until the vendor has told it.
        let vendorKey: String?

        init(row: ResultRow) throws {
            publicURL = try row["public_url"]
            vendorKey = try row["vendor_key"]
        }
    }

    func all(in transaction: any Transaction) throws -> [Row] {
        try transaction.all("SELECT public_url, vendor_key FROM account_webhook ORDER BY public_url")
    }

    /// A gateway serves `publicURL` now.
    func serve(_ publicURL: String, at now: Timestamp, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO account_webhook (public_url, served_at) VALUES (\(publicURL), \(now))
            ON CONFLICT (public_url) DO UPDATE SET served_at = excluded.served_at
            """)
    }

    func remember(_ vendorKey: String, for publicURL: String, in transaction: any Transaction) throws {
        try transaction.execute(
            "UPDATE account_webhook SET vendor_key = \(vendorKey) WHERE public_url = \(publicURL)")
    }

    /// Forgets what no gateway has looked after since `time`, and returns its addresses.
    func removeUnserved(
        since time: Timestamp, otherThan own: String, in transaction: any Transaction
    ) throws -> [String] {
        try transaction.rows(
            "DELETE FROM account_webhook WHERE public_url <> \(own) AND served_at <= \(time) RETURNING public_url"
        ).map { try $0["public_url"] }
    }
}
