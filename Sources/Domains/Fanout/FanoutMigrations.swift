public import Storage

public enum FanoutMigrations {
    public static let all = [
        Migration(
            number: 30, reason: "Subscriptions, and the side tables by which an event finds those that want it.",
            statements: [
                "CREATE TABLE subscription_sequence (name TEXT PRIMARY KEY, last BIGINT NOT NULL)",
                "INSERT INTO subscription_sequence (name, last) VALUES ('subscription', 0)",
                """
                CREATE TABLE subscription (
                    number BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, url TEXT NOT NULL, events TEXT,
                    description TEXT, filter TEXT NOT NULL, format TEXT NOT NULL, headers TEXT NOT NULL,
                    max_in_flight BIGINT NOT NULL, rate_per_second BIGINT, ordering TEXT NOT NULL,
                    retry_schedule TEXT, signatures TEXT NOT NULL, secrets TEXT NOT NULL, enabled BIGINT NOT NULL,
                    created_at BIGINT NOT NULL, after_sequence BIGINT NOT NULL, version BIGINT NOT NULL,
                    deleted_at BIGINT)
                """,
                """
                CREATE TABLE subscription_topic (
                    subscription_number BIGINT NOT NULL, type TEXT NOT NULL, dimensions BIGINT NOT NULL,
                    PRIMARY KEY (subscription_number, type))
                """,
                """
                CREATE INDEX subscription_topic_unfiltered ON subscription_topic (type, subscription_number)
                WHERE dimensions = 0
                """,
                """
                CREATE TABLE subscription_filter (
                    dimension TEXT NOT NULL, value TEXT NOT NULL, subscription_number BIGINT NOT NULL,
                    dimensions BIGINT NOT NULL, PRIMARY KEY (dimension, value, subscription_number))
                """,
                "CREATE INDEX subscription_filter_owner ON subscription_filter (subscription_number)",
            ]),
        Migration(
            number: 31,
            reason: "Deliveries, one for an event and a subscription, their attempts, and whose turn it is.",
            statements: [
                """
                CREATE TABLE delivery (
                    number BIGINT PRIMARY KEY, event_sequence BIGINT NOT NULL, subscription_number BIGINT NOT NULL,
                    state TEXT NOT NULL, created_at BIGINT NOT NULL, visible_at BIGINT, attempts BIGINT NOT NULL,
                    step BIGINT NOT NULL, fence BIGINT NOT NULL, last_status_code BIGINT, last_error TEXT,
                    ended_at BIGINT)
                """,
                """
                CREATE INDEX delivery_due ON delivery (subscription_number, visible_at, number)
                WHERE visible_at IS NOT NULL
                """,
                """
                CREATE INDEX delivery_leased ON delivery (subscription_number, visible_at)
                WHERE state = 'delivering'
                """,
                "CREATE INDEX delivery_of_subscription ON delivery (subscription_number, number)",
                """
                CREATE INDEX delivery_troubled ON delivery (state, number)
                WHERE state IN ('failed', 'held', 'cancelled')
                """,
                """
                CREATE TABLE delivery_attempt (
                    delivery_number BIGINT NOT NULL, number BIGINT NOT NULL, started_at BIGINT NOT NULL,
                    duration_ms BIGINT NOT NULL, status_code BIGINT, error TEXT, error_detail TEXT,
                    response_body TEXT, remote_address TEXT, PRIMARY KEY (delivery_number, number))
                """,
                """
                CREATE TABLE delivery_lane (
                    subscription_number BIGINT PRIMARY KEY, ready_at BIGINT, blocked_until BIGINT NOT NULL)
                """,
                "CREATE INDEX delivery_lane_ready ON delivery_lane (ready_at) WHERE ready_at IS NOT NULL",
            ]),
        Migration(
            number: 32, reason: "Which key sealed a subscription's secrets, and how an attempt's time was spent.",
            statements: [
                "ALTER TABLE subscription ADD COLUMN secrets_key TEXT",
                """
                CREATE INDEX subscription_secrets_key ON subscription (secrets_key) WHERE secrets_key IS NOT NULL
                """,
                "CREATE INDEX subscription_deleted ON subscription (deleted_at) WHERE deleted_at IS NOT NULL",
                "ALTER TABLE delivery_attempt ADD COLUMN resolve_ms BIGINT",
                "ALTER TABLE delivery_attempt ADD COLUMN connect_ms BIGINT",
                "ALTER TABLE delivery_attempt ADD COLUMN first_byte_ms BIGINT",
            ]),
        Migration(
            number: 35, reason: "How each endpoint fares, its rate, and why a subscription was disabled.",
            statements: [
                "ALTER TABLE delivery_lane ADD COLUMN pace BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE delivery_lane ADD COLUMN failures BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE delivery_lane ADD COLUMN failing_since BIGINT",
                "ALTER TABLE delivery_lane ADD COLUMN warned_at BIGINT",
                "ALTER TABLE delivery_lane ADD COLUMN probe_at BIGINT",
                "ALTER TABLE delivery_lane ADD COLUMN answers_since BIGINT",
                "ALTER TABLE delivery_lane ADD COLUMN rate_next BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE subscription ADD COLUMN disabled_at BIGINT",
                "ALTER TABLE subscription ADD COLUMN disabled_reason TEXT",
                // Lanes in trouble queue apart, so that they are never in the others' way.
                "DROP INDEX delivery_lane_ready",
                "CREATE INDEX delivery_lane_ready ON delivery_lane (ready_at) WHERE ready_at IS NOT NULL AND pace = 0",
                """
                CREATE INDEX delivery_lane_troubled ON delivery_lane (ready_at)
                WHERE ready_at IS NOT NULL AND pace > 0
                """,
                """
                CREATE INDEX delivery_lane_failing ON delivery_lane (failing_since)
                WHERE failing_since IS NOT NULL
                """,
                """
                CREATE INDEX delivery_lane_answering ON delivery_lane (answers_since)
                WHERE answers_since IS NOT NULL
                """,
                """
                CREATE INDEX subscription_disabled ON subscription (disabled_reason)
                WHERE enabled = 0 AND deleted_at IS NULL
                """,
            ]),
        Migration(
            number: 36, reason: "Which delivery waits for which, and what is still open, oldest first.",
            statements: [
                "ALTER TABLE delivery ADD COLUMN order_key TEXT",
                "ALTER TABLE delivery ADD COLUMN error_detail TEXT",
                "CREATE INDEX delivery_open ON delivery (subscription_number, number) WHERE ended_at IS NULL",
                """
                CREATE INDEX delivery_in_line ON delivery (subscription_number, order_key, number)
                WHERE order_key IS NOT NULL AND ended_at IS NULL
                """,
            ]),
        Migration(
            number: 37,
            reason: "Since when a delivery is held, and which walk is bringing a subscription's to what it says now.",
            statements: [
                "ALTER TABLE delivery ADD COLUMN held_at BIGINT",
                """
                UPDATE delivery SET held_at = (
                    SELECT CASE WHEN s.disabled_at > delivery.created_at THEN s.disabled_at
                                ELSE delivery.created_at END
                    FROM subscription s WHERE s.number = delivery.subscription_number)
                WHERE state IN ('failed', 'held', 'cancelled') AND state = 'held'
                """,
                "CREATE INDEX delivery_held ON delivery (held_at) WHERE state = 'held'",
                "ALTER TABLE delivery_lane ADD COLUMN walk TEXT",
            ]),
        Migration(
            number: 38, reason: "Endpoints that are tried queue apart from those that fail; full lanes sleep.",
            statements: [
                "ALTER TABLE delivery_lane ADD COLUMN is_full BIGINT NOT NULL DEFAULT 0",
                "DROP INDEX delivery_lane_troubled",
                """
                CREATE INDEX delivery_lane_trying ON delivery_lane (ready_at)
                WHERE ready_at IS NOT NULL AND pace > 0 AND failures = 0
                """,
                """
                CREATE INDEX delivery_lane_fails ON delivery_lane (ready_at)
                WHERE ready_at IS NOT NULL AND pace > 0 AND failures > 0
                """,
            ]),
        Migration(
            number: 39,
            reason: "A second reader of the event log is gone; its place would keep what it has not read for good.",
            statements: [
                "DELETE FROM event_cursor WHERE name = 'fanout-rest'",
                "DROP TABLE IF EXISTS delivery_matching",
                "DROP INDEX IF EXISTS delivery_lane_paced",
                "DROP INDEX IF EXISTS delivery_lane_unpaced",
            ]),
    ]
}
