public import Storage

public enum ExportMigrations {
    public static let all = [
        Migration(
            number: 20, reason: "Exports; what makes two requests the same is unique while one is in flight.",
            statements: [
                """
                CREATE TABLE export (
                    id TEXT PRIMARY KEY, vendor_key TEXT, report TEXT NOT NULL, member_email TEXT,
                    show_unexpanded BIGINT NOT NULL, status TEXT NOT NULL, source TEXT NOT NULL,
                    report_type TEXT, requests BIGINT NOT NULL, metadata TEXT NOT NULL, when_limited TEXT NOT NULL,
                    requested_at BIGINT NOT NULL, queued_at BIGINT, completed_at BIGINT, expires_at BIGINT,
                    not_before BIGINT, trigger_state TEXT NOT NULL, sent_at BIGINT, doubt_since BIGINT,
                    retrying_since BIGINT, slot_at BIGINT, entity TEXT, error TEXT, seen_webhook BIGINT,
                    seen_event BIGINT, seen_poll BIGINT, claimed_key TEXT, hook_token TEXT, revision BIGINT NOT NULL)
                """,
                "CREATE UNIQUE INDEX export_vendor_key ON export (vendor_key) WHERE vendor_key IS NOT NULL",
                "CREATE UNIQUE INDEX export_hook_token ON export (hook_token) WHERE hook_token IS NOT NULL",
                """
                CREATE UNIQUE INDEX export_in_flight ON export (report, member_email, show_unexpanded)
                WHERE hook_token IS NOT NULL AND status IN ('requested', 'deferred', 'queued')
                """,
                """
                CREATE INDEX export_succeeded ON export (report, member_email, show_unexpanded, completed_at)
                WHERE status = 'success'
                """,
                "CREATE INDEX export_by_status ON export (status, id)",
                "CREATE INDEX export_by_report ON export (report, id)",
                "CREATE INDEX export_by_source ON export (source, id)",
                "CREATE INDEX export_member_slot ON export (member_email, slot_at) WHERE slot_at IS NOT NULL",
                "CREATE INDEX export_report_slot ON export (report, slot_at) WHERE slot_at IS NOT NULL",
            ]),
        Migration(
            number: 21, reason: "Who asked for an export, so that each can withdraw.",
            statements: [
                """
                CREATE TABLE export_request (
                    id TEXT PRIMARY KEY, export_id TEXT NOT NULL, caller TEXT NOT NULL, metadata TEXT NOT NULL,
                    requested_at BIGINT NOT NULL, withdrawn_at BIGINT)
                """,
                "CREATE INDEX export_request_export ON export_request (export_id, id)",
            ]),
        Migration(
            number: 22, reason: "Facts about the account: its hook token, when webhooks were last seen and missed.",
            statements: ["CREATE TABLE export_fact (name TEXT PRIMARY KEY, value TEXT NOT NULL)"]),
        Migration(
            number: 23, reason: "The account's webhook for each public_url that gateways serve.",
            statements: [
                "CREATE TABLE account_webhook (public_url TEXT PRIMARY KEY, vendor_key TEXT, served_at BIGINT NOT NULL)"
            ]),
        Migration(
            number: 25, reason: "Files of exports on their way into the mirror, and what readers of an export see.",
            statements: [
                """
                CREATE TABLE export_file (
                    export_id TEXT NOT NULL, position BIGINT NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL,
                    stored_name TEXT, part_size BIGINT NOT NULL, part_total BIGINT, part_validator TEXT, size BIGINT,
                    sha256 TEXT, mirrored_at BIGINT, removed_at BIGINT, why TEXT, PRIMARY KEY (export_id, position))
                """,
                "CREATE INDEX export_file_by_age ON export_file (state, mirrored_at, export_id, size)",
                "CREATE INDEX export_file_stored ON export_file (stored_name) WHERE stored_name IS NOT NULL",
                "ALTER TABLE export ADD COLUMN mirror TEXT",
                "ALTER TABLE export ADD COLUMN mirrored_at BIGINT",
                "ALTER TABLE export ADD COLUMN files_removed_at BIGINT",
            ]),
        Migration(
            number: 26, reason: "Reports that are asked for again and again, by a cron line.",
            statements: [
                """
                CREATE TABLE export_schedule (
                    id TEXT PRIMARY KEY, report TEXT NOT NULL, member_email TEXT, show_unexpanded BIGINT NOT NULL,
                    cron TEXT NOT NULL, time_zone TEXT NOT NULL, metadata TEXT NOT NULL, enabled BIGINT NOT NULL,
                    description TEXT, created_at BIGINT NOT NULL, next_at BIGINT, last_at BIGINT,
                    last_requested_at BIGINT, last_export TEXT, last_error TEXT)
                """,
                "CREATE INDEX export_schedule_by_report ON export_schedule (report, id)",
            ]),
    ]
}
