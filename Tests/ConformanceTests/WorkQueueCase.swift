import CausewayCore
import Storage
import Support
import Testing

@testable import WorkQueue

extension StoreCase {
    static let workQueue = StoreCase(name: "WorkQueue") { engine async throws in
        let queue = WorkQueue(owner: "one")
        let lease = start + .seconds(15)
        try await engine.write { transaction throws in
            for key in ["a", "b", "c", "a"] {
                try queue.enqueue(WorkDraft(kind: "k", key: key, dueAt: start), at: start, in: transaction)
            }
            #expect(try queue.nextDue(["k", "other"], in: transaction) == start)
        }
        let items = try await engine.write { try queue.claim("k", limit: 10, at: start, until: lease, in: $0) }
            .sorted { $0.key < $1.key }
        try #require(items.count == 3)
        try await engine.write { transaction throws in
            #expect(try queue.extend(items, until: lease + .seconds(1), in: transaction).count == 3)
            try queue.renew(items[1], at: start, in: transaction)
            try queue.complete(items[0], at: start, in: transaction)
            try queue.reschedule(items[1], at: lease, now: start, error: "not yet", in: transaction)
            try queue.bury(items[2], error: "hopeless", at: start, in: transaction)
        }
        await #expect(throws: WorkQueueError.leaseLost) {
            try await engine.write { try queue.complete(items[1], at: start, in: $0) }
        }
        try await engine.write { transaction throws in
            try queue.withdraw(kind: "k", key: "b", in: transaction)
            #expect(try queue.nextDue(["k", "other"], in: transaction) == nil)
            try queue.enqueue(WorkDraft(kind: "k", key: "d", dueAt: start), at: start, in: transaction)
            let standing = try #require(try queue.standing(of: ["k"], at: start, in: transaction).first)
            #expect([standing.due, standing.leased, standing.buried] == [1, 0, 1])
            _ = try queue.claim("k", limit: 10, at: start, until: lease, in: transaction)
            #expect(try queue.standing(of: ["k"], at: start, in: transaction).map(\.leased) == [1])
            _ = try queue.releaseAbandoned(at: start, in: transaction)
        }
    }
}
