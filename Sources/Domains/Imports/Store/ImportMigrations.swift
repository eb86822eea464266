public import Storage

public enum ImportMigrations {
    public static let all = [
        Migration(
            number: 40, reason: "Imports and their pieces on the way to the vendor.",
            statements: [
                """
                CREATE TABLE import (
                    id TEXT PRIMARY KEY, object TEXT NOT NULL, mode TEXT NOT NULL, state TEXT NOT NULL,
                    group_key TEXT, sends_invites BIGINT NOT NULL, filename TEXT, size BIGINT NOT NULL,
                    sha256 TEXT NOT NULL, fingerprint TEXT NOT NULL, encoding TEXT NOT NULL, delimiter TEXT NOT NULL,
                    is_normalized BIGINT NOT NULL, is_rewritten BIGINT NOT NULL, is_resendable BIGINT NOT NULL,
                    is_forced BIGINT NOT NULL, caller TEXT NOT NULL, rows_total BIGINT NOT NULL,
                    rows_valid BIGINT NOT NULL, problems_total BIGINT NOT NULL, problems_stored BIGINT NOT NULL,
                    first_problems TEXT NOT NULL, error TEXT, counts_as_duplicate BIGINT NOT NULL,
                    created_at BIGINT NOT NULL, ended_at BIGINT, round BIGINT NOT NULL, revision BIGINT NOT NULL)
                """,
                "CREATE INDEX import_by_object ON import (object, id)",
                "CREATE INDEX import_by_state ON import (state, id)",
                """
                CREATE INDEX import_same ON import (fingerprint, created_at) WHERE counts_as_duplicate = 1
                """,
                """
                CREATE TABLE import_chunk (
                    import_id TEXT NOT NULL, number BIGINT NOT NULL, row_count BIGINT NOT NULL, state TEXT NOT NULL,
                    attempts BIGINT NOT NULL, sent_at BIGINT, answer TEXT, resolution TEXT,
                    PRIMARY KEY (import_id, number))
                """,
            ]),
        Migration(
            number: 41, reason: "What is wrong with an uploaded file, one problem a row, the first 10,000.",
            statements: [
                """
                CREATE TABLE import_problem (
                    import_id TEXT NOT NULL, number BIGINT NOT NULL, row_number BIGINT, line BIGINT,
                    byte_offset BIGINT, column_name TEXT, code TEXT NOT NULL, value TEXT, message TEXT NOT NULL,
                    suggestion TEXT, PRIMARY KEY (import_id, number))
                """
            ]),
        Migration(
            number: 42, reason: "The same rows in another file are recognised; warnings beside errors.",
            statements: [
                "ALTER TABLE import ADD COLUMN content_fingerprint TEXT",
                """
                CREATE INDEX import_same_rows ON import (content_fingerprint, created_at)
                WHERE counts_as_duplicate = 1
                """,
                "ALTER TABLE import ADD COLUMN warnings_total BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE import ADD COLUMN warnings_stored BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE import ADD COLUMN first_warnings TEXT",
                "ALTER TABLE import_problem ADD COLUMN is_warning BIGINT NOT NULL DEFAULT 0",
            ]),
        Migration(
            number: 43, reason: "Which imports a file's rows have to be held against.",
            statements: [
                "ALTER TABLE import ADD COLUMN row_scope TEXT",
                """
                CREATE INDEX import_remembered ON import (row_scope, created_at) WHERE row_scope IS NOT NULL
                """,
            ]),
        Migration(
            number: 44, reason: "Imports that ended long ago are found, to be removed.",
            statements: ["CREATE INDEX import_by_end ON import (ended_at) WHERE ended_at IS NOT NULL"]),
        Migration(
            number: 45, reason: "Files go out in pieces; sums of money may call for approval.",
            statements: [
                "ALTER TABLE import ADD COLUMN chunk_count BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE import ADD COLUMN chunk_rows BIGINT NOT NULL DEFAULT 1",
                "ALTER TABLE import ADD COLUMN chunks_taken BIGINT NOT NULL DEFAULT 0",
                "ALTER TABLE import ADD COLUMN cancel_requested_at BIGINT",
                "ALTER TABLE import ADD COLUMN amounts TEXT NOT NULL DEFAULT '[]'",
                "ALTER TABLE import ADD COLUMN approval_reasons TEXT NOT NULL DEFAULT '[]'",
                "ALTER TABLE import ADD COLUMN approval_expires_at BIGINT",
                """
                UPDATE import SET chunk_count = 1, chunk_rows = rows_valid, chunks_taken = (
                    SELECT COUNT(*) FROM import_chunk c
                    WHERE c.import_id = import.id AND (c.state = 'forwarded' OR c.resolution = 'imported'))
                WHERE EXISTS (SELECT 1 FROM import_chunk c WHERE c.import_id = import.id)
                """,
                """
                CREATE TABLE import_chunk_offsets (
                    import_id TEXT NOT NULL, first BIGINT NOT NULL, header_length BIGINT NOT NULL,
                    starts TEXT NOT NULL, PRIMARY KEY (import_id, first))
                """,
            ]),
        Migration(
            number: 46, reason: "Uploads that come in several requests, and how far each is on the disk.",
            statements: [
                """
                CREATE TABLE upload (
                    id TEXT PRIMARY KEY, caller TEXT NOT NULL, request TEXT NOT NULL, headers TEXT NOT NULL,
                    received BIGINT NOT NULL, length BIGINT, is_complete BIGINT NOT NULL, import_id TEXT,
                    refusal TEXT, claim TEXT, created_at BIGINT NOT NULL, expires_at BIGINT NOT NULL)
                """,
                "CREATE INDEX upload_by_expiry ON upload (expires_at)",
            ]),
        Migration(
            number: 47,
            reason: "The rows of many small imports stand in one file; one look finds all that are remembered.",
            statements: [
                "ALTER TABLE import ADD COLUMN joint_record TEXT",
                "ALTER TABLE import ADD COLUMN joint_number BIGINT",
                "DROP INDEX import_remembered",
                """
                CREATE INDEX import_remembered ON import (
                    row_scope, ended_at, created_at, round, id, counts_as_duplicate) WHERE counts_as_duplicate = 1
                """,
            ]),
        Migration(
            number: 48, reason: "How many rows of nothing but delimiters a file had.",
            statements: ["ALTER TABLE import ADD COLUMN blank_rows BIGINT NOT NULL DEFAULT 0"]),
    ]
}
