public import Storage

public enum EventMigrations {
    public static let all = [
        Migration(
            number: 1, reason: "The event log, its counter, and the places of those who read it in order.",
            statements: [
                "CREATE TABLE event_sequence (name TEXT PRIMARY KEY, last BIGINT NOT NULL)",
                "INSERT INTO event_sequence (name, last) VALUES ('event_log', 0)",
                """
                CREATE TABLE event_log (
                    sequence BIGINT PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL,
                    occurred_at BIGINT NOT NULL, resource TEXT NOT NULL, attributes TEXT NOT NULL,
                    data TEXT NOT NULL)
                """,
                "CREATE TABLE event_cursor (name TEXT PRIMARY KEY, position BIGINT NOT NULL)",
            ]),
        Migration(
            number: 6, reason: "Events of one type are found without reading all others.",
            statements: ["CREATE INDEX event_log_type ON event_log (type, sequence)"]),
    ]
}
