import Access
import CausewayCore
import Storage
import Support
import Testing

extension StoreCase {
    static let access = StoreCase(name: "Access") { engine async throws in
        let time = ManualTimeSource(start)
        let keys = KeyOperations(engine: engine, time: time)
        let issued = try await keys.create(name: "é\u{1F511}", scopes: [.admin], expiresAt: nil) { key, transaction in
            try AuditLog().append(
                AuditEntry(
                    at: start, caller: "c", callerName: "n", action: "key.create", resource: key.key.id.text,
                    result: 201), in: transaction)
        }
        #expect(try await keys.authenticate(issued.text.reveal())?.name == "é\u{1F511}")
        #expect(try await keys.list(PageRequest()).elements.count == 1)
        #expect(try await keys.list(PageRequest(after: issued.key.id.text)).elements.isEmpty)
        #expect(try await keys.revoke(issued.key.id) { _, _ in }?.revokedAt == start)
        #expect(try await keys.authenticate(issued.text.reveal()) == nil)

        var filter = AuditLog.Filter()
        filter.callers = ["c", "d"]
        filter.actions = ["key.create"]
        filter.resources = [issued.key.id.text]
        for filter in [filter, AuditLog.Filter()] {
            let found = try await engine.read { [filter] in
                try AuditLog().list(filter, page: PageRequest(after: "zzz"), in: $0)
            }
            #expect(found.elements.map(\.resource) == [issued.key.id.text])
        }

        let removed = try await engine.write { transaction in
            [start, start + .seconds(1)].map { try? AuditLog().prune(before: $0, limit: 10, in: transaction) }
        }
        #expect(removed == [0, 1])

        let log = IdempotencyLog()
        let request = IdempotentRequest(caller: "c", operation: "POST /x", key: "k", bodyHash: "h")
        @Sendable func begin(at now: Timestamp) async throws -> IdempotencyOutcome {
            try await engine.write { try log.begin(request, at: now, in: $0) }
        }
        guard case .first(let abandoned) = try await begin(at: start) else { throw StorageError.conflict }
        #expect(try await begin(at: start) == .inProgress)
        try await engine.write { try log.abandon(abandoned, in: $0) }
        guard case .first(let mark) = try await begin(at: start) else { throw StorageError.conflict }
        let answer = StoredAnswer(status: 201, location: nil, body: "{}")
        try await engine.write { try log.finish(mark, answer: answer, at: start, in: $0) }
        #expect(try await begin(at: start) == .replay(answer))
        let later = start + IdempotencyLog.lifetime
        #expect(try await engine.write { try log.prune(at: later, limit: 10, in: $0) } == 1)
    }
}
