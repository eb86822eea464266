import Support
import Testing

@Suite("A PostgreSQL for tests")
struct PostgresClusterTests {
    @Test("keeps what it was told over a restart, and nothing runs on when its backends are ended")
    func restart() async throws {
        let cluster = try await PostgresCluster(isDurable: true)
        try await cluster.query("CREATE TABLE thing AS SELECT 5 AS number")
        try await cluster.restart(.immediate)
        try await cluster.terminateBackends()
        #expect(try await cluster.query("SELECT number FROM thing") == "5")
        try await cluster.stop()
        await #expect(throws: PostgresCluster.Failure.self) { try await cluster.query("SELECT 1") }
    }
}
