import CausewayCore
import Storage
import Support
import Testing

@testable import Exports

extension StoreCase {
    static let exports = StoreCase(name: "Exports") { engine async throws in
        let store = ExportStore()
        @Sendable func draft(_ report: String) -> Export {
            .requested(
                id: ExportID(at: start), report: report, memberEmail: "ops@example.com", showUnexpanded: true,
                hookToken: Secret("token_\(report)"), at: start)
        }
        let one = draft("vrc_1")
        try await engine.write { transaction throws in
            #expect(try store.insert(one, in: transaction))
            #expect(try !store.insert(draft("vrc_1"), in: transaction))
            #expect(try store.insert(draft("vrc_2"), in: transaction))
            var read = try #require(try store.export(one.id, in: transaction))
            #expect(read.report == "vrc_1" && read.showUnexpanded)
            read.vendorKey = "vrex_1"
            read.status = .success
            read.completedAt = start
            try store.update(read, in: transaction)
            #expect(throws: StorageError.conflict) { try store.update(read, in: transaction) }
            #expect(
                try store.inFlight(
                    report: "vrc_1", memberEmail: "ops@example.com", showUnexpanded: true, in: transaction) == nil)
            #expect(try store.export(one.id, toChange: true, in: transaction)?.revision == 2)
            #expect(try store.export(vendorKey: "vrex_1", toChange: true, in: transaction)?.id == one.id)
            #expect(try store.export(hookToken: "token_vrc_1", toChange: true, in: transaction)?.id == one.id)
        }
        try await engine.read { transaction throws in
            #expect(try store.export(vendorKey: "vrex_1", in: transaction)?.id == one.id)
            #expect(try store.export(hookToken: "token_vrc_1", in: transaction)?.id == one.id)
            #expect(try store.revision(of: one.id, in: transaction)?.1 == 2)
            #expect(try store.revision(vendorKey: "vrex_1", in: transaction)?.0 == one.id)
            #expect(
                try store.success(
                    report: "vrc_1", memberEmail: "ops@example.com", showUnexpanded: true, since: start, now: start,
                    in: transaction)?.id == one.id)
            #expect(try store.list(PageRequest(after: "zzz"), in: transaction).elements.count == 2)
            #expect(
                try store.list(
                    PageRequest(), status: [.success, .queued], report: ["vrc_1"], source: ["api"], in: transaction
                ).elements.map(\.id) == [one.id])
            #expect(try store.queued(limit: 10, in: transaction).isEmpty)
            #expect(try !store.isTriggerInDoubt(report: "vrc_2", in: transaction))
            #expect(try ExportStanding(in: transaction).counts.map(\.count) == [1, 0, 0])
        }
        try await engine.write { transaction throws in
            let requests = ExportRequestStore()
            for _ in 1...3 {
                try requests.add(to: one.id, caller: "key_1", metadata: ["team": "ü"], at: start, in: transaction)
            }
            #expect(try requests.hasAsked("key_1", for: one.id, in: transaction))
            #expect(try requests.withdraw(from: one.id, caller: "key_1", at: start, in: transaction) == 1)
            #expect(try requests.withdraw(from: one.id, caller: nil, at: start, in: transaction) == 2)

            let facts = ExportFacts()
            let token = try facts.makeEventsToken(in: transaction)
            #expect(try facts.makeEventsToken(in: transaction) == token)
            try facts.hookSeen(at: start, in: transaction)
            #expect(try facts.hooksArrive(in: transaction))
            try facts.hookMissed(at: start, in: transaction)
            #expect(try !facts.hooksArrive(in: transaction))
            // Within the second, but it is the first since the miss.
            try facts.hookSeen(at: start + .milliseconds(1), in: transaction)
            #expect(try facts.hooksArrive(in: transaction))

            let limits = VendorLimits(settings: ExportLimitSettings())
            try limits.lock(memberEmail: "ops@example.com", in: transaction)
            #expect(
                try limits.opening(report: "vrc_1", memberEmail: "ops@example.com", at: start, in: transaction) != nil)
            #expect(
                try limits.opening(
                    report: "vrc_1", memberEmail: "other", excluding: one.id, at: start, in: transaction) == nil)

            try files(of: one.id, in: transaction)

            let registrations = WebhookRegistrations()
            for url in ["https://a", "https://b"] { try registrations.serve(url, at: start, in: transaction) }
            try registrations.serve("https://a", at: start + .seconds(1), in: transaction)
            try registrations.remember("key", for: "https://a", in: transaction)
            #expect(
                try registrations.removeUnserved(since: start, otherThan: "https://c", in: transaction)
                    == ["https://b"])
            #expect(try registrations.all(in: transaction).map(\.vendorKey) == ["key"])
        }
    }
}

extension StoreCase {
    private static func files(of id: ExportID, in transaction: any Transaction) throws {
        let (store, later) = (ExportFileStore(), start + .seconds(1))
        #expect(try store.add("a.csv", to: id, at: 0, in: transaction))
        #expect(try !store.add("a.csv", to: id, at: 0, in: transaction))
        #expect(try store.add("b.csv", to: id, at: 1, in: transaction))
        let file = try #require(try store.file(of: id, at: 0, in: transaction))
        #expect(try store.begin(file, storedName: "one", in: transaction))
        #expect(try !store.begin(file, storedName: "two", in: transaction))
        let begun = try #require(try store.file(of: id, at: 0, in: transaction))
        #expect(
            try store.checkpoint(
                begun, storedName: "one", size: 7, total: nil, validator: "\"tag\"", in: transaction))
        #expect(
            try !store.checkpoint(begun, storedName: "two", size: 7, total: 8, validator: nil, in: transaction))
        #expect(try store.file(of: id, at: 0, in: transaction)?.partSize == 7)
        #expect(try store.inUse(["one", "two"], in: transaction) == ["one"])
        #expect(try store.finish(begun, storedName: "one", size: 9, sha256: "ab", at: start, in: transaction))
        #expect(try !store.finish(begun, storedName: "one", size: 9, sha256: "ab", at: start, in: transaction))
        // While another is on its way, none of them is the oldest.
        #expect(try store.oldest(mirroredBy: later, limit: 9, in: transaction).isEmpty)
        try store.lose(try #require(try store.file(of: id, at: 1, in: transaction)), why: "why", in: transaction)
        #expect(try store.oldest(mirroredBy: later, limit: 9, in: transaction).map(\.export) == [id])
        #expect(try store.newest(in: transaction) == id)
        #expect(try store.totalSize(in: transaction) == 9)
        try store.show(
            try store.files(of: id, in: transaction), in: id, mirroredAt: start, removedAt: nil, transaction)
        let export = try #require(try ExportStore().export(id, in: transaction))
        #expect(export.mirror == [MirroredFile(name: "a.csv", size: 9, sha256: "ab", removedAt: nil)])
        #expect(export.mirroredAt == start && export.filesRemovedAt == nil)
        #expect(try store.remove(filesOf: id, why: "age", at: later, in: transaction) == ["one"])
        #expect(try store.files(of: id, in: transaction).map(\.state) == [.removed, .lost])
        #expect(try store.totalSize(in: transaction) == 0)
    }
}
