import CausewayCore
import FileStore
import Foundation
import Storage
import Support
import Testing

@testable import Imports

@Suite("An upload", .onEveryEngine)
struct UploadTests {
    @Test("gives the same wherever its parts begin and end")
    func borders() async throws {
        try await ImportWorld.with { world async throws in
            let bytes = Array(ImportWorld.customers.utf8)
            for size in [1, 2, 3, 7, bytes.count] {
                let new = try await world.domain.operations.upload(
                    ImportRequest(object: .customers, isForced: true, caller: "key_a")
                ) { sink in
                    for start in stride(from: 0, to: bytes.count, by: size) {
                        try await sink.write(Array(bytes[start..<min(start + size, bytes.count)]))
                    }
                }
                #expect(new.state == .forwarding)
                #expect(new.rows == ImportRowCounts(total: 2, valid: 2))
                #expect(new.file.sha256 == Digest.sha256Hex(ImportWorld.customers))
                let kept = try String(contentsOfFile: world.files.path("\(new.id).csv"), encoding: .utf8)
                #expect(kept == ImportWorld.customers)
            }
        }
    }

    @Test("that breaks off leaves nothing behind, neither file nor row")
    func broken() async throws {
        struct Broken: Error {}
        try await ImportWorld.with { world async throws in
            await #expect(throws: Broken.self) {
                try await world.domain.operations.upload(ImportRequest(object: .customers, caller: "k")) { sink in
                    try await sink.write(Array("email\na@example.com\n".utf8))
                    #expect(try world.fileNames().count == 1)
                    throw Broken()
                }
            }
            #expect(try world.fileNames() == [])
            #expect(try await world.domain.operations.list(PageRequest()).elements.isEmpty)
        }
    }

    @Test("whose record is refused leaves nothing behind either")
    func refusedRecord() async throws {
        struct Refused: Error {}
        try await ImportWorld.with { world async throws in
            await #expect(throws: Refused.self) {
                try await world.domain.operations.upload(
                    ImportRequest(object: .customers, caller: "k"), recording: { _, _ in throw Refused() }
                ) { try await $0.write(Array("email\na@example.com\n".utf8)) }
            }
            #expect(try world.fileNames() == [])
            #expect(try await world.domain.operations.list(PageRequest()).elements.isEmpty)
        }
    }

    @Test("larger than allowed is refused as soon as it is")
    func tooLarge() async throws {
        try await ImportWorld.with(change: { $0.maximumSize = 20 }) { world async throws in
            await #expect(throws: ImportOperationError.self) {
                _ = try await world.upload("email\n" + String(repeating: "a@example.com\n", count: 2))
            }
            #expect(try world.fileNames() == [])
            _ = try await world.upload("email\na@example.com\n")
        }
    }

    @Test("keeps the first 10,000 problems, and counts them all")
    func manyProblems() async throws {
        try await ImportWorld.with { world async throws in
            let new = try await world.upload("email\n" + String(repeating: "x@\n", count: 10_123))
            #expect(new.state == .rejected)
            #expect(new.problems.total == 10_123)
            #expect(new.problems.stored == 10_000)
            #expect(new.problems.first.count == 20)
            let last = try await world.domain.operations.problems(of: new.id, PageRequest(limit: 200, after: "9990"))
            #expect(last.elements.map(\.row) == (9991...10_000).map { $0 })
            #expect(last.elements.first?.code == .invalidEmail)
            #expect(last.next == nil)
        }
    }

    @Test("in a dry run is only checked, with or without bad rows")
    func dryRun() async throws {
        try await ImportWorld.with { world async throws in
            let new = try await world.upload("email\nx@\na@example.com\n") { $0.mode = .dryRun }
            #expect(new.state == .validated)
            #expect(new.rows == ImportRowCounts(total: 2, valid: 1))
            #expect(try await world.upload("nothing\nx\n") { $0.mode = .dryRun }.state == .rejected)
            #expect(try await world.upload("email\nx@\n") { $0.mode = .validRows }.state == .rejected)
            // Refused rows alone; nothing to forward.
            #expect(try world.fileNames().allSatisfy { $0.hasSuffix(".rejected.csv") })
        }
    }

    @Test("left unfinished or without an import by an earlier process is removed at start", .only(on: .sqlite))
    func leftovers() async throws {
        try await ImportWorld.with { world async throws in
            let kept = try await world.upload()
            let stranger = ImportID(at: world.time.now())
            for name in ["\(stranger).csv", "\(stranger).csv.part", "\(kept.id).csv-rewritten.part"] {
                try Data("email\n".utf8).write(to: URL(fileURLWithPath: world.files.path(name)))
            }
            try await world.domain.start()
            #expect(try world.fileNames() == ["\(kept.id).csv"])
        }
    }
}
