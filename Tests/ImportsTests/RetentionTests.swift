import CausewayCore
import FileStore
import Foundation
import Storage
import Support
import Testing

@testable import Imports

@Suite("What is kept of an import", .onEveryEngine)
struct RetentionTests {
    private static let withRefused = "email\na@example.com\nx@\n"

    @Test("files are for this user alone: while they arrive, while they wait, while refused rows may be asked for")
    func modes() async throws {
        try await ImportWorld.with { world async throws in
            let new = try await world.domain.operations.upload(ImportRequest(object: .customers, caller: "key_a")) {
                try await $0.write(Array(ImportWorld.customers.utf8))
                #expect(try world.modes().values.sorted() == [0o600])
            }
            _ = try await world.upload(Self.withRefused) { $0.mode = .validRows }
            let names = try world.modes()
            #expect(names.count == 3 && Set(names.values) == [0o600])
            #expect(names["\(new.id).csv"] != nil)
            let attributes = try FileManager.default.attributesOfItem(atPath: world.files.directory)
            #expect(attributes[.posixPermissions] as? Int == 0o700)
        }
    }

    @Test("refused rows are kept for a while after the end, and nothing else")
    func refusedRows() async throws {
        try await ImportWorld.with { world async throws in
            let sweep = ImportSweepWork(context: world.domain.context)
            let refused = try await world.upload(Self.withRefused)
            #expect(refused.state == .rejected)
            let part = try await world.upload("email\nb@example.com\ny@\n") { $0.mode = .validRows }
            try await world.working { _ = try await world.ended(part) }
            _ = try await world.upload { $0.mode = .dryRun }
            let kept = [refused.id, part.id].map { "\($0).rejected.csv" }.sorted()
            try await sweep.sweep()
            #expect(try world.fileNames() == kept)
            let content = try await world.domain.operations.rejectedRows(of: refused.id, as: RejectedForm())
            var bytes: [UInt8] = []
            for try await chunk in content.chunks() { bytes += chunk }
            #expect(String(decoding: bytes, as: UTF8.self) == "email\nx@\n")
            world.time.advance(by: world.domain.context.settings.fileRetention)
            try await sweep.sweep()
            #expect(try world.fileNames() == [])
            #expect(try await world.domain.operations.find(refused.id).state == .rejected)
        }
    }

    @Test("an import that ended long ago is gone with its errors; one that waits for somebody stays")
    func old() async throws {
        try await ImportWorld.with {
            $0.approval.patience = .seconds(365 * 86_400)
        } _: { world async throws in
            let sweep = ImportSweepWork(context: world.domain.context)
            let refused = try await world.upload("email\n" + String(repeating: "x@\n", count: 1200))
            let waiting = try await world.upload { $0.needsApproval = true }
            world.time.advance(by: world.domain.context.settings.retention)
            try await sweep.sweep()
            #expect(try await world.domain.operations.find(refused.id).problems.stored == 1200)
            world.time.advance(by: .seconds(1))
            try await sweep.sweep()
            await #expect(throws: ImportOperationError.self) { try await world.domain.operations.find(refused.id) }
            let left = try await world.database.engine.read { transaction in
                try ImportProblemStore().list(PageRequest(), of: refused.id, in: transaction).elements.count
            }
            #expect(left == 0)
            #expect(try await world.domain.operations.find(waiting.id).state == .awaitingApproval)
        }
    }
}

extension ImportWorld {
    /// Of the files by name.
    fileprivate func modes() throws -> [String: Int] {
        try fileNames().reduce(into: [:]) { modes, name in
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(files.directory)/\(name)")
            modes[name] = attributes[.posixPermissions] as? Int
        }
    }
}
