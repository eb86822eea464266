import CausewayCore
import Storage
import WorkQueue

extension StorageBench {
    /// The schema, and what has long been done and lies in the way. Done work leaves the queue, so the finished items
    /// are such as were buried for a person.
    func prepare(finished count: Int) async throws {
        try await Migrator(Self.migrations).migrate(engine, at: SystemTimeSource().now())
        try await engine.write { _ = try $0.execute("CREATE TABLE bench_row (body TEXT NOT NULL)") }
        try await inParts(count) { numbers in
            """
            INSERT INTO work_item (id, kind, work_key, payload, created_at, visible_at, attempts, fence, wakes,
                                   claimed_wakes, buried_at)
            \(query: numbers) SELECT 'wrk_finished' || i, \(Self.kind), 'finished' || i, 'null', 0, 0, 1, 1, 0, 0, 0 FROM n
            """
        }
        try await inParts(count) { numbers in
            """
            INSERT INTO delivery (number, event_sequence, subscription_number, state, created_at, visible_at, attempts,
                                  step, fence, last_status_code, ended_at)
            \(query: numbers) SELECT -i, 0, i % 100 + 1, 'delivered', 0, NULL, 1, 0, 1, 204, 0 FROM n
            """
        }
    }

    func addWork(_ count: Int) async throws {
        // Ids sort by time, as those do that are made one by one.
        let prefix = "\(Identifier<WorkItemKind>(at: SystemTimeSource().now()).text.prefix(20))"
        try await inParts(count) { numbers in
            """
            INSERT INTO work_item (id, kind, work_key, payload, created_at, visible_at, attempts, fence, wakes,
                                   claimed_wakes)
            \(query: numbers)
            SELECT \(prefix) || substr(CAST(10000000000 + i AS TEXT), 2), \(Self.kind), \(prefix) || i, 'null', 0, i, 0, 0,
                   0, 0 FROM n
            """
        }
    }

    /// - Parameter statement: given a common table `n` with the numbers `i` of one part.
    private func inParts(_ count: Int, _ statement: @escaping @Sendable (SQLQuery) -> SQLQuery) async throws {
        let part = 50_000
        for first in stride(from: 1, through: count, by: part) {
            let last = min(first + part - 1, count)
            try await engine.write { transaction in
                _ = try transaction.execute(
                    statement(
                        """
                        WITH RECURSIVE n (i) AS (
                            SELECT CAST(\(first) AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < \(last))
                        """))
            }
        }
    }
}
