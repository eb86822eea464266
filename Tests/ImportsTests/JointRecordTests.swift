import CausewayCore
import FileStore
import Foundation
import Storage
import Support
import Testing
import WorkQueue

@testable import Imports

@Suite("Rows of many small imports", .onEveryEngine)
struct JointRecordTests {
    private static let rewards = "partner_key,amount_in_cents,body\n"

    private func row(_ number: Int) -> String { Self.rewards + "p\(number),1,B\nq\(number),1,B\n" }

    private func joints(_ world: ImportWorld) throws -> [String] {
        try world.fileNames().filter { $0.hasSuffix(JointRecord.suffix) }
    }

    private func join(_ world: ImportWorld) async throws {
        try await ImportJoinWork(context: world.domain.context).join("rewards ")
    }

    /// Each row of the files, sent again, is refused by the import that it went out with.
    private func expectFound(_ files: [(number: Int, id: ImportID)], _ world: ImportWorld) async throws {
        let text = Self.rewards + files.map { "new\($0.number),1,B\nq\($0.number),1,B\n" }.joined()
        let again = try await world.upload(text, .rewards) { $0.mode = .dryRun }
        let found = again.problems.first.map(\.message)
        #expect(again.problems.total == files.count)
        for (message, file) in zip(found, files) { #expect(message.contains("\(file.id) as its row 2.")) }
    }

    @Test("are put together where many imports stand alone, and what is not asked for is not looked at")
    func byThemselves() async throws {
        try await ImportWorld.with { world async throws in
            func isDue() async throws -> Bool {
                try await world.database.engine.read {
                    try $0.count("work_item WHERE kind = \(ImportJoinWork.kind) AND work_key = 'rewards '") == 1
                }
            }
            #expect(world.domain.handlers.contains { $0.kind == ImportJoinWork.kind })
            var files: [(number: Int, id: ImportID)] = []
            for number in 0..<20 {
                #expect(try await isDue() == (number > JointRecord.looseLimit + 1))
                files.append((number, try await world.upload(row(number), .rewards).id))
            }
            try await join(world)
            #expect(try joints(world).count == 1)
            #expect(try await Set(world.remembered().map(\.joint?.name)).count == 1)
            try await expectFound(files, world)
            // Without its own record nothing could be said of one that was looked at.
            try FileManager.default.removeItem(atPath: world.files.path("\(files[3].id).rows"))
            try await expectFound(Array(files[4...]), world)
            await #expect(throws: ImportOperationError.self) { try await expectFound([files[3]], world) }
        }
    }

    @Test("are found whatever is missing of what puts them together, and by whom it was begun")
    func missing() async throws {
        try await ImportWorld.with { world async throws in
            var files: [(number: Int, id: ImportID)] = []
            for number in 0..<6 { files.append((number, try await world.upload(row(number), .rewards).id)) }
            try await join(world)
            let first = try #require(try joints(world).first)
            // As a kill leaves it that comes between the file and the rows, or amid these.
            try world.files.create(JointRecord.name()).finish()
            for number in 6..<12 { files.append((number, try await world.upload(row(number), .rewards).id)) }
            let bytes = try Data(contentsOf: URL(filePath: world.files.path(first)))
            try await expectFound(files, world)
            try await join(world)
            let last = try #require(try await world.remembered().last?.joint?.name)
            #expect(last != first)
            #expect(try joints(world).contains(first) == false)
            try await world.database.engine.write { [files] transaction in
                for (number, file) in files[..<3].enumerated() {
                    let place = JointRecord.Place(name: first, number: UInt32(number))
                    try ImportStore().put(file.id, at: place, in: transaction)
                }
            }
            try await expectFound(files, world)
            try bytes.write(to: URL(filePath: world.files.path(first)))
            try await expectFound(files, world)
            // Damaged, then gone.
            try bytes.dropLast(1).write(to: URL(filePath: world.files.path(first)))
            try Data(repeating: 7, count: 64).write(to: URL(filePath: world.files.path(last)))
            try await expectFound(files, world)
            for name in try joints(world) { world.files.remove(name) }
            try await expectFound(files, world)
            // Two at once.
            async let one: Void = join(world)
            async let other: Void = join(world)
            _ = try await (one, other)
            try await expectFound(files, world)
            try await join(world)
            try await expectFound(files, world)
        }
    }

    @Test("count as their import does: not once it is taken back, and again when it is tried again")
    func counting() async throws {
        try await ImportWorld.with(change: { $0.chunkRows = 1 }) { world async throws in
            try await world.working {
                try await world.fault("status", ["status": 400, "skip": 1])
                let failed = try await world.ended(try await world.upload(row(0), .rewards))
                #expect(failed.state == .failed && failed.forwardedRows == 1)
                let held = try await world.upload(row(1), .rewards) { $0.needsApproval = true }
                try await join(world)
                #expect(try await world.remembered().map(\.joint?.number) == [0, 1])
                _ = try await world.domain.operations.cancel(held.id)
                let text = Self.rewards + "p0,1,B\nq0,1,B\np1,1,B\n"
                let rest = try await world.upload(text, .rewards) { $0.mode = .validRows }
                #expect(rest.problems.first.map(\.row) == [1])
                #expect(try await world.ended(rest).forwardedRows == 2)
                try await join(world)
                await #expect {
                    try await world.domain.operations.retry(failed.id)
                } throws: { error in
                    guard case .rowsForwarded(rest.id, 1)? = error as? ImportOperationError else { return false }
                    return true
                }
            }
        }
    }

    @Test("are the same with a key and without it there too")
    func besideKeys() async throws {
        try await ImportWorld.with { world async throws in
            let sales = "customer_key,amount,key\n"
            let keyed = try await world.upload(sales + "c,1,INV-1\nc,2,INV-2\n", .transactions)
            let unkeyed = try await world.upload(sales + "d,1,\n", .transactions)
            try await ImportJoinWork(context: world.domain.context).join("transactions ")
            let again = try await world.upload(sales + "c,1,INV-3\nc,2,\nd,1,INV-4\n", .transactions)
            #expect(again.problems.first.map(\.row) == [2, 3])
            let named = zip(again.problems.first, [keyed, unkeyed]).map { $0.message.contains($1.id.text) }
            #expect(named == [true, true])
        }
    }

    @Test("are written anew after a day without those that are forgotten; a file that nobody renews goes")
    func age() async throws {
        try await ImportWorld.with { world async throws in
            let sweep = ImportSweepWork(context: world.domain.context)
            let held = try await world.upload(row(0), .rewards) { $0.needsApproval = true }
            let other = try await world.upload(row(1), .rewards)
            try await join(world)
            let first = try joints(world)
            #expect(first.count == 1)
            _ = try await world.domain.operations.cancel(held.id)
            try await join(world)
            #expect(try joints(world) == first)
            world.time.advance(by: .seconds(86_400 + 60))
            try await sweep.removeFiles(isStart: false)
            #expect(try joints(world) == first)
            try await join(world)
            let second = try #require(try joints(world).first)
            #expect(second != first[0])
            #expect(try world.files.size(of: second) == 16 + 2 * 24)
            try await expectFound([(1, other.id)], world)
            world.time.advance(by: .seconds(86_400))
            try await sweep.removeFiles(isStart: false)
            #expect(try joints(world) == [])
            try await expectFound([(1, other.id)], world)
        }
    }

    @Test("stand in few files, however many imports there are, and are seldom written again")
    func choice() throws {
        var generator = SplitMix(state: 7)
        for most in [1, 100, JointRecord.smallImport] {
            var imports: [RememberedImport] = []
            var files = 0
            var rows = 0
            var written = 0
            for number in 0..<6000 {
                let id = ImportID(at: Timestamp(milliseconds: Int64(number)))
                let count = Int(generator.next() % UInt64(most)) + 1
                rows += count
                imports.append(
                    RememberedImport(
                        mark: .init(id: id, round: 0, createdAt: Timestamp(milliseconds: Int64(number))),
                        validRows: count, countedPlaces: 0..<count, joint: nil))
                guard number % (JointRecord.looseLimit + 1) == 0 else { continue }
                let chosen = Set(JointRecord.choice(of: imports) { _ in true }.map(\.id))
                files += 1
                for index in imports.indices where chosen.contains(imports[index].id) {
                    let old = imports[index]
                    written += old.validRows
                    imports[index] = RememberedImport(
                        mark: old.mark, validRows: old.validRows, countedPlaces: old.countedPlaces,
                        joint: JointRecord.Place(name: "\(files)", number: 0))
                }
            }
            let names = Set(imports.compactMap(\.joint?.name))
            #expect(names.count <= 12 + rows / (JointRecord.largeFile / 2), "\(most)")
            #expect(written < 12 * rows, "\(most)")
        }
        let large = RememberedImport(
            mark: .init(id: ImportID(at: Timestamp(milliseconds: 1)), round: 0, createdAt: Timestamp(milliseconds: 1)),
            validRows: JointRecord.smallImport + 1, countedPlaces: 0..<1, joint: nil)
        #expect(JointRecord.choice(of: [large]) { _ in true }.isEmpty)
    }
}

extension ImportWorld {
    fileprivate func remembered() async throws -> [RememberedImport] {
        try await database.engine.read {
            try ImportStore().remembered("rewards ", since: Timestamp(milliseconds: 0), in: $0)
        }
    }
}
