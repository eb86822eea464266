import CausewayCore
import FileStore
import Foundation
import Storage
import Support
import Testing

@testable import Imports

@Suite("Rows that were forwarded", .onEveryEngine)
struct ForwardedRowsTests {
    static let rewards = "partner_key,amount_in_cents,body\n"

    private func rows(_ numbers: some Sequence<Int>) -> String {
        Self.rewards + numbers.map { "p\($0),\($0 + 1),Bonus\n" }.joined()
    }

    @Test("are refused in another file, each with the import and the row; the rest goes out with valid_rows")
    func refused() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                let first = try await world.ended(try await world.upload(rows(0..<10), .rewards))
                #expect(first.state == .completed)
                // The same file is told as the same file, whatever its mode and order.
                for (text, mode) in [
                    (rows(0..<10), ImportMode.allOrNothing), (rows(0..<10), .validRows),
                    (rows((0..<10).reversed()), .allOrNothing), (rows((0..<10).reversed()), .validRows),
                ] {
                    await #expect {
                        try await world.upload(text, .rewards) { $0.mode = mode }
                    } throws: { error in
                        guard case .duplicate(first.id, _, let isSameBytes)? = error as? ImportOperationError else {
                            return false
                        }
                        return isSameBytes == (text == rows(0..<10))
                    }
                }
                let whole = try await world.upload(rows(8..<12), .rewards)
                #expect(whole.state == .rejected)
                #expect(whole.rows == ImportRowCounts(total: 4, valid: 2))
                #expect(whole.problems.first.map(\.code) == [.rowAlreadyForwarded, .rowAlreadyForwarded])
                #expect(whole.problems.first.map(\.row) == [1, 2])
                #expect(whole.problems.first.first?.message.contains("\(first.id) as its row 9.") == true)
                #expect(try await world.upload(rows(8..<12), .rewards) { $0.mode = .dryRun }.problems.total == 2)
                let chosen = try await world.upload(rows(8..<12), .rewards) { $0.mode = .validRows }
                let part = try await world.ended(chosen)
                #expect(part.state == .completed)
                let arrived = try await world.arrived()
                #expect(try await world.bytes(of: arrived.last) == rows(10..<12))
                let none = try await world.upload(rows(9..<11), .rewards) { $0.mode = .validRows }
                #expect(none.state == .rejected)
                let meant = try await world.upload(rows(9..<11), .rewards) { $0.isForced = true }
                let forced = try await world.ended(meant)
                #expect(forced.state == .completed && forced.forwardedRows == 2)
            }
        }
    }

    @Test("are known by their key, their group and their object; partners and customers may come again")
    func scopes() async throws {
        try await ImportWorld.with { world async throws in
            let again = "rejected row_already_forwarded"
            let sales = "customer_key,amount,key\n"
            let leads = "partner_key,email,first_name,last_name\nm,a@b.co,J,K\n"
            let deals = "amount,close_date,external_key,stage\n1,2020-12-25,d,Won\n"
            let uploads: [(text: String, object: ImportObject, group: String?, said: String)] = [
                (sales + "c,1,INV-1\nc,2,\n", .transactions, nil, "completed"),
                (sales + "d,5,INV-1\n", .transactions, nil, again),
                // With a key and without it is the same; with another key it is another.
                (sales + "c,2,INV-2\n", .transactions, nil, again), (sales + "c,1,\n", .transactions, nil, again),
                (sales + "c,1,INV-2\n", .transactions, nil, "completed"),
                ("amount,customer_key\n2,c\n", .transactions, nil, again),
                (leads, .leads, "a", "completed"), (leads, .leads, "b", "completed"),
                (leads + "m,c@b.co,J,K\n", .leads, "a", again), (deals, .deals, "a", "completed"),
                (deals + "1,2020-12-25,e,Won\n", .deals, "a", again),
                ("email\na@b.co\n", .customers, nil, "completed"),
                ("email\na@b.co\nb@b.co\n", .customers, nil, "completed"),
            ]
            try await world.working {
                for (text, object, group, said) in uploads {
                    let ended = try await world.ended(try await world.upload(text, object) { $0.group = group })
                    let codes = ended.problems.first.map(\.code.rawValue)
                    #expect(([ended.state.rawValue] + codes).joined(separator: " ") == said, "\(text)")
                }
            }
        }
    }

    @Test("are the same in dollars, at the day's milliseconds and with the vendor's default, and with a key or without")
    func spelledOtherwise() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                let header = "partner_key,amount_in_cents,amount_in_dollars,created_at,status,body\n"
                let first = try await world.upload(
                    header + "p,1000,,2021-11-05,,B\nq,1000,,2021-11-05,,B\n", .rewards)
                #expect(try await world.ended(first).state == .completed)
                let other = try await world.upload(header + "q,,10.00,1636070400000,pending,B\n", .rewards)
                #expect(other.problems.first.map(\.code) == [.rowAlreadyForwarded])
                #expect(other.problems.first.first?.message.contains("\(first.id) as its row 2. ") == true)
                let sales = "customer_key,amount,key\n"
                let keyed = try await world.upload(sales + "c,1,INV-1\nd,1,INV-2\n", .transactions)
                #expect(try await world.ended(keyed).state == .completed)
                let unkeyed = try await world.upload(sales + "d,1,\n", .transactions)
                let words = try #require(unkeyed.problems.first.first)
                #expect(words.code == .rowAlreadyForwarded && words.column == nil)
                #expect(words.message.contains("as its row 2, the same but for a key that only one of them has. "))
            }
        }
    }

    @Test("count for seven days; what was taken back or refused by the vendor does not count")
    func counting() async throws {
        try await ImportWorld.with { world async throws in
            let held = try await world.upload(rows(0..<2), .rewards) { $0.needsApproval = true }
            #expect(try await world.upload(rows(0..<3), .rewards).state == .rejected)
            _ = try await world.domain.operations.cancel(held.id)
            try await world.working {
                try await world.fault("status", ["status": 400])
                #expect(try await world.ended(try await world.upload(rows(0..<3), .rewards)).state == .failed)
                let sent = try await world.ended(try await world.upload(rows(0..<4), .rewards))
                #expect(sent.state == .completed)
                #expect(try await world.upload(rows(0..<5), .rewards).state == .rejected)
                world.time.advance(by: .seconds(7 * 86_400 + 1))
                #expect(try await world.ended(try await world.upload(rows(0..<5), .rewards)).state == .completed)
            }
        }
    }

    @Test("in the first chunks of an import that failed count, and only these: the mended file brings the rest")
    func chunks() async throws {
        try await ImportWorld.with(change: { $0.chunkRows = 5 }) { world async throws in
            try await world.working {
                try await world.fault("status", ["status": 400, "skip": 2])
                let failed = try await world.ended(try await world.upload(rows(0..<30), .rewards))
                #expect(failed.state == .failed && failed.forwardedRows == 10)
                // Nothing but the same rows is the same import: to be tried again.
                await #expect {
                    try await world.upload(rows((0..<30).reversed()), .rewards)
                } throws: { error in
                    guard case .duplicate(let same, _, let isSameBytes)? = error as? ImportOperationError else {
                        return false
                    }
                    return same == failed.id && !isSameBytes
                }
                // The mended file, with a row more and in another order.
                let mended = try await world.upload(rows((0..<31).reversed()), .rewards) {
                    $0.mode = .validRows
                    $0.needsApproval = true
                }
                #expect(mended.state == .awaitingApproval)
                #expect(mended.rows == ImportRowCounts(total: 31, valid: 21))
                #expect(mended.problems.first.map(\.row) == Array(22...31))
                #expect(mended.amounts.map(\.rows) == [21])
                // The failed one cannot send the rest any more, until the other is taken back.
                await #expect {
                    try await world.domain.operations.retry(failed.id)
                } throws: { error in
                    guard case .rowsForwarded(let other, let rows)? = error as? ImportOperationError else {
                        return false
                    }
                    return other == mended.id && rows == 20
                }
                _ = try await world.domain.operations.cancel(mended.id)
                let retried = try await world.domain.operations.retry(failed.id)
                #expect(try await world.ended(retried).state == .completed)
                #expect(try await world.upload(rows(14..<31), .rewards).problems.total == 16)
            }
        }
    }

    @Test("since a forced import failed are heeded when that is tried again")
    func forcedRetry() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                try await world.fault("status", ["status": 400])
                let forced = try await world.ended(
                    try await world.upload(rows(0..<3), .rewards) { $0.isForced = true })
                #expect(forced.state == .failed)
                #expect(try await world.ended(try await world.upload(rows(2..<4), .rewards)).state == .completed)
                await #expect(throws: ImportOperationError.self) {
                    try await world.domain.operations.retry(forced.id)
                }
                let same = try await world.upload(rows(0..<3), .rewards) { $0.mode = .validRows }
                #expect(try await world.ended(same).forwardedRows == 2)
            }
        }
    }

    @Test("of an old import that is taken back, or cannot be tried again, stand in nobody's way")
    func oldOnes() async throws {
        try await ImportWorld.with(change: { $0.chunkRows = 2 }) { world async throws in
            try await world.working {
                try await world.fault("status", ["status": 400, "skip": 1])
                let failed = try await world.ended(try await world.upload(rows(0..<4), .rewards))
                #expect(failed.state == .failed && failed.forwardedRows == 2)
                world.time.advance(by: .seconds(9 * 86_400))
                try await ImportSweepWork(context: world.domain.context).sweep()
                await #expect(throws: ImportOperationError.self) {
                    try await world.domain.operations.retry(failed.id)
                }
                #expect(try await world.domain.operations.cancel(failed.id).state == .cancelled)
                #expect(try await world.ended(try await world.upload(rows(0..<6), .rewards)).state == .completed)
            }
        }
    }

    @Test("a byte that no store can hold is named in the report, and the good rows go out")
    func nul() async throws {
        try await ImportWorld.with { world async throws in
            try await world.working {
                let some = try await world.upload("email,name\nok@x.com,a\nok2@x.com,b\0\n") { $0.mode = .validRows }
                #expect(some.problems.first.map(\.code) == [.nulByte])
                #expect(some.problems.first.first?.value == "b\u{2400}")
                #expect(try await world.ended(some).forwardedRows == 1)
            }
        }
    }

    @Test("whose record cannot be read make the upload wait for somebody")
    func unreadable() async throws {
        try await ImportWorld.with { world async throws in
            let first = try await world.upload(rows(0..<3), .rewards)
            let path = world.files.path("\(first.id).rows")
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let record = try Data(contentsOf: URL(filePath: path))
            func refuses() async throws {
                await #expect {
                    _ = try await world.upload(rows(5..<6), .rewards)
                } throws: { error in
                    guard case .rowsUnreadable(let id)? = error as? ImportOperationError else { return false }
                    return id == first.id
                }
                #expect(try world.fileNames().count { $0.hasSuffix(".csv") || $0.hasSuffix(".part") } == 1)
            }
            try record.dropLast(1).write(to: URL(filePath: path))
            try await refuses()
            try Data(repeating: 7, count: record.count).write(to: URL(filePath: path))
            try await refuses()
            // What a disk lost, and entries that are not in order.
            try (record.prefix(16) + Data(count: record.count - 16)).write(to: URL(filePath: path))
            try await refuses()
            try (record.prefix(16) + record[40..<64] + record[16..<40] + record[64...]).write(to: URL(filePath: path))
            try await refuses()
            try FileManager.default.removeItem(atPath: path)
            try await refuses()
            #expect(try await world.upload(rows(5..<6), .rewards) { $0.isForced = true }.state == .forwarding)
            try record.write(to: URL(filePath: path))
            #expect(try await world.upload(rows(6..<7), .rewards).state == .forwarding)
        }
    }

    @Test("are forgotten when nobody looks for them any more; a record without an import is nobody's")
    func sweeping() async throws {
        try await ImportWorld.with { world async throws in
            let sweep = ImportSweepWork(context: world.domain.context)
            let sent = try await world.working { try await world.ended(try await world.upload(rows(0..<3), .rewards)) }
            let waiting = try await world.upload(rows(4..<5), .rewards) { $0.needsApproval = true }
            // As a kill leaves it that comes between the record and the commit.
            let orphan = ImportID(at: world.time.now())
            try world.files.create("\(orphan).rows").finish()
            try await sweep.removeFiles(isStart: false)
            #expect(try world.fileNames().filter { $0.hasSuffix(".rows") }.count == 3)
            world.time.advance(by: .seconds(7 * 86_400 + 3601))
            try await sweep.removeFiles(isStart: false)
            #expect(try world.fileNames() == ["\(waiting.id).csv", "\(waiting.id).rows"])
            _ = sent
        }
    }

    @Test("of 200,000 are found in a record, whether most or few rows are asked for, from memory or from the disk")
    func large() async throws {
        try await ImportWorld.with { world async throws in
            let first = try await world.upload(rows(0..<200_000), .rewards)
            #expect(first.state == .forwarding)
            let few = try await world.upload(rows([5, 300_000, 199_999, 300_001, 100_000]), .rewards)
            #expect(few.problems.first.map(\.row) == [1, 3, 5])
            #expect(few.problems.first.map(\.message).allSatisfy { $0.contains("\(first.id)") })
            let half = try await world.upload(rows(100_000..<300_000), .rewards) { $0.mode = .validRows }
            #expect(half.rows == ImportRowCounts(total: 200_000, valid: 100_000))
            #expect(half.problems.total == 100_000 && half.problems.stored == 10_000)
            #expect(try await world.upload(rows(250_000..<250_001), .rewards).state == .rejected)
        }
    }
}
