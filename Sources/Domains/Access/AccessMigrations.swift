public import Storage

public enum AccessMigrations {
    public static let all = [
        Migration(
            number: 10, reason: "Callers' keys, of which only a hash is kept.",
            statements: [
                """
                CREATE TABLE api_key (
                    id TEXT PRIMARY KEY, name TEXT NOT NULL, scopes TEXT NOT NULL, hash TEXT NOT NULL UNIQUE,
                    created_at BIGINT NOT NULL, expires_at BIGINT, revoked_at BIGINT)
                """
            ]),
        Migration(
            number: 11, reason: "Who changed what.",
            statements: [
                """
                CREATE TABLE audit_entry (
                    id TEXT PRIMARY KEY, at BIGINT NOT NULL, caller TEXT NOT NULL, caller_name TEXT NOT NULL,
                    action TEXT NOT NULL, resource TEXT NOT NULL, result BIGINT NOT NULL, remote_address TEXT,
                    request_id TEXT, detail TEXT NOT NULL)
                """,
                "CREATE INDEX audit_entry_resource ON audit_entry (resource, id)",
                "CREATE INDEX audit_entry_caller ON audit_entry (caller, id)",
            ]),
        Migration(
            number: 12, reason: "The first answer to each request with an Idempotency-Key.",
            statements: [
                """
                CREATE TABLE idempotency_record (
                    caller TEXT NOT NULL, operation TEXT NOT NULL, idempotency_key TEXT NOT NULL,
                    body_hash TEXT NOT NULL, expires_at BIGINT NOT NULL, status BIGINT, location TEXT, body TEXT,
                    PRIMARY KEY (caller, operation, idempotency_key))
                """,
                "CREATE INDEX idempotency_record_expiry ON idempotency_record (expires_at)",
            ]),
    ]
}
