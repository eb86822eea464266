import Storage
import Support

/// What is not as it is with all the others, and why.
enum KnownStatements {
    /// Said to one engine alone.
    static func isOfAnotherEngine(_ statement: SourceStatement) -> Bool {
        let beginnings: [String] =
            switch TestEngine.current {
            // One process owns the database: it needs no row locks, and nobody shares its directory.
            case .sqlite:
                [
                    "SELECT subscription_number FROM delivery_lane WHERE subscription_number IN",
                    "SELECT number FROM subscription WHERE number IN",
                    "SELECT 1 AS one FROM pg_catalog.pg_class", "INSERT INTO installation", "UPDATE installation",
                    "SELECT * FROM installation",
                ]
            // No process knows of another that it is dead but by its leases.
            case .postgres:
                [
                    "SELECT 1 AS one FROM sqlite_master", "UPDATE work_item SET owner = NULL, visible_at =",
                    "UPDATE delivery SET state = 'pending', visible_at =",
                    "UPDATE delivery_lane SET ready_at = CASE WHEN blocked_until >",
                ]
            }
        return beginnings.contains { statement.parts[0].hasPrefix($0) }
    }

    /// Plans that read more than an index would give, and are meant to.
    static func isMeant(_ flaw: QueryPlan.Flaw, in statement: String) -> Bool {
        switch flaw {
        // A row for each public_url, and for each migration.
        case .reads("account_webhook"), .walks("account_webhook_pkey"), .reads("schema_migration"),
            .walks("sqlite_autoindex_account_webhook_1"), .walks("schema_migration_pkey"),
            .walks("sqlite_autoindex_schema_migration_1"):
            true
        // A row for each reader of the event log.
        case .reads("event_cursor"): true
        // Once, at start, where nobody else works yet.
        case .reads("work_item"): statement.hasPrefix("UPDATE")
        // No longer than what is under way, and one row for each subscription.
        case .walks("delivery_leased"), .walks("delivery_lane_pkey"): true
        // A migration's: once, over all there are.
        case .reads("import"), .walks("import_pkey"): statement.hasPrefix("UPDATE import SET chunk_count = 1")
        // Once, at start: which keys there are among some thousand rows.
        case .walks("subscription_secrets_key"): true
        // Imports of a scope that have not ended: with the few rows here any index of those that count does as well.
        case .walks("import_same_rows"): statement.contains("row_scope =")
        case .reads: false
        // From the end of an index that is in the order asked for, as far as the limit; and subscriptions to all types,
        // which the few rows here make no index's business.
        case .walks("subscription_topic_unfiltered"): true
        // The batch and the few subscriptions here are joined side by side.
        case .walks("subscription_pkey"): statement.hasPrefix("WITH pair") || statement.contains("LIMIT")
        case .walks: statement.contains("LIMIT")
        // Several values of a filter have no order among them.
        case .sorts:
            statement.contains(" IN (") && statement.contains("LIMIT")
                // The first few of each of several types.
                || statement.contains("FROM event_log WHERE type =")
        }
    }
}
