import Access
import CausewayCore
import Storage
import Support
import Testing

@Suite("Idempotency with two gateways at once", .onEveryEngine)
struct IdempotencyRaceTests {
    let log = IdempotencyLog()
    let now = Timestamp(milliseconds: 1_000_000)

    private func request(_ key: String) -> IdempotentRequest {
        IdempotentRequest(caller: "one", operation: "POST /v1/exports", key: key, bodyHash: "b")
    }

    private func begin(
        _ key: String, after: Duration = .zero, in engine: any StorageEngine
    ) async throws -> IdempotencyOutcome {
        try await engine.write { try log.begin(request(key), at: now + after, in: $0) }
    }

    private func isFirst(_ outcome: IdempotencyOutcome) -> Bool {
        if case .first = outcome { true } else { false }
    }

    @Test("One of many requests with the same key is carried out; so it is once its mark has run out")
    func begin() async throws {
        let engines = try await TestDatabase(AccessMigrations.all).gateways()
        for after in [Duration.zero, .seconds(60), .seconds(120)] {
            let outcomes = try await atOnce(200) { number in
                try await begin("k\(number % 4)", after: after, in: engines[number % 2])
            }.map { try $0.get() }
            #expect(outcomes.filter(isFirst).count == 4)
            #expect(outcomes.filter { $0 == .inProgress }.count == 196)
        }
    }

    @Test("Tidying up takes no mark away that was just taken anew")
    func prune() async throws {
        let engines = try await TestDatabase(AccessMigrations.all).gateways()
        let count = 100
        for number in 0..<count { _ = try await begin("k\(number)", in: engines[0]) }
        let later = Duration.seconds(61)
        let outcomes = await atOnce(count + 20) { number in
            if number < count {
                _ = try await begin("k\(number)", after: later, in: engines[number % 2])
            } else {
                _ = try await engines[number % 2].write { try log.prune(at: now + later, limit: 500, in: $0) }
            }
        }
        for outcome in outcomes { try outcome.get() }
        for number in 0..<count {
            #expect(try await begin("k\(number)", after: later, in: engines[0]) == .inProgress)
        }
    }

    @Test("Of one that finishes and one that overtakes it at that moment, one alone has done it")
    func overtaking() async throws {
        let engines = try await TestDatabase(AccessMigrations.all).gateways()
        let answer = StoredAnswer(status: 201, location: nil, body: "{}")
        for number in 0..<30 {
            guard case .first(let mark) = try await begin("k\(number)", in: engines[0]) else { continue }
            let outcomes = await atOnce(2) { which in
                if which == 0 {
                    try await engines[0].write { try log.finish(mark, answer: answer, at: now, in: $0) }
                    return true
                }
                return isFirst(try await begin("k\(number)", after: .seconds(60), in: engines[1]))
            }
            let done = outcomes.filter { (try? $0.get()) == true }
            #expect(done.count == 1)
        }
    }
}
