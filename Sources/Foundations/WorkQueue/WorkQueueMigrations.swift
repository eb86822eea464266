public import Storage

public enum WorkQueueMigrations {
    public static let all = [
        Migration(
            number: 2, reason: "Durable work: what must still be done, written with what made it necessary.",
            statements: [
                """
                CREATE TABLE work_item (
                    id TEXT PRIMARY KEY, kind TEXT NOT NULL, work_key TEXT NOT NULL, payload TEXT NOT NULL,
                    created_at BIGINT NOT NULL, visible_at BIGINT NOT NULL, attempts BIGINT NOT NULL,
                    fence BIGINT NOT NULL, owner TEXT, wakes BIGINT NOT NULL, claimed_wakes BIGINT NOT NULL,
                    last_error TEXT, buried_at BIGINT)
                """,
                "CREATE UNIQUE INDEX work_item_key ON work_item (kind, work_key)",
                "CREATE INDEX work_item_due ON work_item (kind, visible_at) WHERE buried_at IS NULL",
            ]),
        Migration(
            number: 4, reason: "Work that is kept for a person is found without looking at all other.",
            statements: ["CREATE INDEX work_item_buried ON work_item (kind) WHERE buried_at IS NOT NULL"]),
    ]
}
