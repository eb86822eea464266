import Access
import CausewayCore
import Storage
import Support
import Testing

@Suite("Idempotency")
struct IdempotencyLogTests {
    let log = IdempotencyLog()
    let now = Timestamp(milliseconds: 1_000_000)
    let answer = StoredAnswer(status: 201, location: nil, body: "{}")

    func request(_ key: String = "k", body: String = "b", caller: String = "one") -> IdempotentRequest {
        IdempotentRequest(caller: caller, operation: "POST /v1/exports", key: key, bodyHash: body)
    }

    func begin(
        _ request: IdempotentRequest, after: Duration = .zero, in database: TestDatabase
    ) async throws -> IdempotencyOutcome {
        try await database.engine.write { try log.begin(request, at: now + after, in: $0) }
    }

    @Test("answers the same request with its first answer for 24 hours, and only that one")
    func replay() async throws {
        let database = try await TestDatabase(AccessMigrations.all)
        #expect(try await begin(request(), in: database) == .first)
        #expect(try await begin(request(), in: database) == .inProgress)
        try await database.engine.write { try log.finish(request(), answer: answer, at: now, in: $0) }
        #expect(try await begin(request(), in: database) == .replay(answer))
        #expect(try await begin(request(body: "c"), in: database) == .conflict)
        #expect(try await begin(request(caller: "two"), in: database) == .first)
        #expect(try await begin(request(), after: .seconds(86_399), in: database) == .replay(answer))
        #expect(try await begin(request(), after: .seconds(86_400), in: database) == .first)
    }

    @Test("lets a request be tried again that changed nothing, or whose process died")
    func abandoned() async throws {
        let database = try await TestDatabase(AccessMigrations.all)
        #expect(try await begin(request(), in: database) == .first)
        try await database.engine.write { try log.abandon(request(), in: $0) }
        #expect(try await begin(request(), in: database) == .first)
        #expect(try await begin(request(), after: .seconds(61), in: database) == .first)
    }

    @Test("forgets in small batches")
    func pruning() async throws {
        let database = try await TestDatabase(AccessMigrations.all)
        for key in ["a", "b", "c"] { _ = try await begin(request(key), in: database) }
        let removed = try await database.engine.write { transaction in
            [
                try log.prune(at: now, limit: 2, in: transaction),
                try log.prune(at: now + .seconds(60), limit: 2, in: transaction),
                try log.prune(at: now + .seconds(60), limit: 2, in: transaction),
            ]
        }
        #expect(removed == [0, 2, 1])
    }
}
