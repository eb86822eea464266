import CausewayCore
import Storage
import Support
import Testing

@testable import Imports

extension StoreCase {
    static let imports = StoreCase(name: "Imports") { engine async throws in
        let store = ImportStore()
        let place = JointRecord.Place(name: "a.joint", number: 7)
        let problems = (1...51).map { number in
            RowProblem(
                row: number, line: number + 1, byteOffset: nil, column: "email", code: .invalidEmail, value: "ü@",
                message: "no", suggestion: nil)
        }
        let new = Import(
            id: ImportID(at: start), object: .rewards, mode: .allOrNothing, state: .forwarding, group: nil,
            sendsInvites: false, filename: "é.csv",
            file: ImportFileFacts(
                size: 1 << 40, sha256: "5", encoding: "utf-8", delimiter: ",", isNormalized: false, blankRows: 3),
            rows: ImportRowCounts(total: 20, valid: 20),
            problems: ImportProblemCounts(total: 51, stored: 51, first: [problems[0]]),
            amounts: [AmountTotal(currency: nil, rows: 20, sum: -5, gross: Int128(Int64.max) * 100)],
            approvalReasons: [.rows], approvalExpiresAt: start,
            warnings: ImportProblemCounts(total: 1, stored: 1, first: [problems[1]]), contentFingerprint: "c",
            rowScope: "rewards ", isRewritten: false,
            isResendable: false, isForced: true, caller: "key_1",
            cut: ImportCut(rows: 20, rowsEach: 10), createdAt: start)
        try await engine.write { transaction throws in
            try store.insert(new, in: transaction)
            var offsets = ChunkOffsets(rowsEach: 10)
            offsets.headerLength = 3
            for row in 0..<20 { offsets.add(from: 3 + 5 * row, to: 8 + 5 * row) }
            try store.insert(offsets, of: new.id, in: transaction)
            try ImportProblemStore().insert(problems, warnings: [problems[1]], of: new.id, in: transaction)
            let before = try #require(try store.find(new.id, toChange: true, in: transaction))
            #expect(before.file == new.file && before.cut == new.cut && before.isForced)
            #expect(before.amounts == new.amounts && before.approvalReasons == [.rows])
            #expect(try store.unapproved(at: start, limit: 10, in: transaction) == [])
            #expect(before.chunks.map(\.rows) == [10, 10])
            #expect(before.warnings == new.warnings && before.contentFingerprint == "c")
            var changed = before
            _ = changed.takeUp(at: start)
            try store.update(changed, from: before, in: transaction)
            try store.put(new.id, at: place, in: transaction)
            #expect(throws: StorageError.conflict) { try store.update(changed, from: before, in: transaction) }
        }
        try await engine.read { transaction throws in
            #expect(try store.list(PageRequest(after: "zzz"), in: transaction).elements.map(\.id) == [new.id])
            #expect(
                try store.list(
                    PageRequest(), object: [.rewards, .deals], state: [.forwarding], in: transaction
                ).elements.map(\.chunks[0].attempts) == [1])
            let chunks = try store.chunks(of: new, PageRequest(limit: 1), in: transaction)
            #expect(chunks.elements.map(\.state) == [.sending] && chunks.next == "1")
            let extent = ChunkExtent(headerLength: 3, bytes: 53..<103)
            #expect(try store.extent(of: 2, new.id, in: transaction) == extent)
            #expect(
                try store.same(
                    .bytes(fingerprint: new.fingerprint), since: start - .seconds(1),
                    among: OtherImports(own: ImportID(at: start)), in: transaction
                )?.id == new.id)
            #expect(
                try store.same(
                    .rows(fingerprint: "c"), since: start - .seconds(1),
                    among: OtherImports(own: ImportID(at: start)), in: transaction
                )?.id == new.id)
            let remembered = try store.remembered("rewards ", since: start - .seconds(1), in: transaction)
            #expect(remembered.map(\.id) == [new.id] && remembered.map(\.validRows) == [20])
            #expect(remembered.map(\.countedPlaces) == [0..<20] && remembered.map(\.joint) == [place])
            let marks = try store.marks("rewards ", since: start - .seconds(1), in: transaction)
            #expect(marks == remembered.map(\.mark) && marks.map(\.round) == [0])
            let standing = try ImportStanding(in: transaction).counts
            #expect(standing.filter { $0.count == 1 }.map(\.state) == [.forwarding])
            let found = try ImportProblemStore().list(PageRequest(limit: 50), of: new.id, in: transaction)
            #expect(found.elements == Array(problems.prefix(50)))
            let rest = try ImportProblemStore().list(
                PageRequest(limit: 50, after: found.next), of: new.id, in: transaction)
            #expect(rest.elements == [problems[50]])
            #expect(rest.next == nil)
            let warnings = try ImportProblemStore().list(
                PageRequest(), warnings: true, of: new.id, in: transaction)
            #expect(warnings.elements == [problems[1]])
        }
        try await uploads(engine, becoming: new.id)
        try await engine.write { transaction throws in
            let before = try #require(try store.find(new.id, toChange: true, in: transaction))
            var changed = before
            _ = changed.fail(ImportError(code: "x", message: ""), at: start)
            try store.update(changed, from: before, in: transaction)
            let past = start + .seconds(1)
            #expect(try store.ended(before: start, limit: 10, in: transaction) == [])
            #expect(try store.ended(before: past, limit: 10, in: transaction) == [new.id])
            #expect(try store.remove(new.id, endedBefore: start, limit: 50, in: transaction) == false)
            while try store.remove(new.id, endedBefore: past, limit: 50, in: transaction) {}
            #expect(try store.find(new.id, in: transaction) == nil)
            #expect(try ImportProblemStore().list(PageRequest(), of: new.id, in: transaction).elements == [])
        }
    }

    private static func uploads(_ engine: any StorageEngine, becoming importID: ImportID) async throws {
        let store = ResumableUploadStore()
        let new = ResumableUpload(
            id: UploadID(at: start), caller: "key_1",
            request: ImportRequest(object: .customers, mode: .validRows, filename: "é.csv", caller: "key_1"),
            headers: ["content-type": "text/csv"], received: 0, length: nil, isComplete: false, createdAt: start,
            expiresAt: start + .seconds(60))
        var changed = new
        changed.received = 1 << 40
        changed.length = 1 << 40
        changed.isComplete = true
        changed.refusal = ["code": "digest_mismatch"]
        try await engine.write { [changed] transaction throws in
            try store.insert(new, in: transaction)
            #expect(try store.find(new.id, in: transaction) == new)
            try store.claim(new.id, as: "me", in: transaction)
            try store.update(changed, in: transaction)
            _ = try store.complete(new.id, as: importID, in: transaction)
        }
        changed.claim = "me"
        changed.importID = importID
        try await engine.write { [changed] transaction throws in
            #expect(try store.expired(at: start, limit: 10, in: transaction) == [])
            #expect(try store.expired(at: start + .seconds(60), limit: 10, in: transaction) == [changed])
            #expect(try !store.removeExpired(new.id, at: start + .seconds(59), in: transaction))
            #expect(try store.removeExpired(new.id, at: start + .seconds(60), in: transaction))
            #expect(try !store.remove(new.id, in: transaction))
            #expect(try store.find(new.id, in: transaction) == nil)
        }
    }
}
