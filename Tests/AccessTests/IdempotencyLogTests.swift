import Access
import CausewayCore
import Storage
import Support
import Testing

@Suite("Idempotency", .onEveryEngine)
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

    /// The mark under which a request may be carried out. Fails where it may not.
    func mark(
        _ request: IdempotentRequest, after: Duration = .zero, in database: TestDatabase
    ) async throws -> IdempotencyMark {
        let outcome = try await begin(request, after: after, in: database)
        guard case .first(let mark) = outcome else { throw NotFirst(outcome: outcome) }
        return mark
    }

    struct NotFirst: Error { let outcome: IdempotencyOutcome }

    @Test("answers the same request with its first answer for 24 hours, and only that one")
    func replay() async throws {
        let database = try await TestDatabase(AccessMigrations.all)
        let mark = try await mark(request(), in: database)
        #expect(try await begin(request(), in: database) == .inProgress)
        try await database.engine.write { try log.finish(mark, answer: answer, at: now, in: $0) }
        #expect(try await begin(request(), in: database) == .replay(answer))
        #expect(try await begin(request(body: "c"), in: database) == .conflict)
        _ = try await self.mark(request(caller: "two"), in: database)
        #expect(try await begin(request(), after: .seconds(86_399), in: database) == .replay(answer))
        _ = try await self.mark(request(), after: .seconds(86_400), in: database)
    }

    @Test("lets a request be tried again that changed nothing, or whose process died")
    func abandoned() async throws {
        let database = try await TestDatabase(AccessMigrations.all)
        let first = try await mark(request(), in: database)
        try await database.engine.write { try log.abandon(first, in: $0) }
        _ = try await mark(request(), in: database)
        _ = try await mark(request(), after: .seconds(61), in: database)
    }

    @Test("lets one that was overtaken neither finish nor take the other's mark away")
    func overtaken() async throws {
        let database = try await TestDatabase(AccessMigrations.all)
        let slow = try await mark(request(), in: database)
        let other = try await mark(request(), after: .seconds(61), in: database)
        await #expect(throws: IdempotencyOvertaken.self) {
            try await database.engine.write { try log.finish(slow, answer: answer, at: now, in: $0) }
        }
        try await database.engine.write { try log.abandon(slow, in: $0) }
        #expect(try await begin(request(), after: .seconds(62), in: database) == .inProgress)
        try await database.engine.write { try log.finish(other, answer: answer, at: now, in: $0) }
        try await database.engine.write { try log.abandon(other, in: $0) }
        #expect(try await begin(request(), after: .seconds(62), in: database) == .replay(answer))
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
