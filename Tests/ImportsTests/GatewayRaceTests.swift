import CausewayCore
import Events
import FileStore
import Foundation
import Logging
import OutboundHTTP
import Storage
import Support
import Testing
import Vendor
import WorkQueue

@testable import Imports

@Suite("Imports of two gateways at once", .onEveryEngine)
struct GatewayRaceTests {
    @Test("Of many uploads of the same one is an import, and the others name it; one file is kept")
    func duplicates() async throws {
        let gateways = try await ImportGateways()
        let outcomes = await atOnce(16) { try await gateways.upload($0, ImportWorld.customers) }
        let made = outcomes.compactMap { try? $0.get() }
        #expect(made.count == 1)
        for outcome in outcomes {
            guard case .failure(let error) = outcome else { continue }
            guard case .duplicate(let first, _)? = error as? ImportOperationError else {
                Issue.record(error)
                continue
            }
            #expect(first == made.first?.id)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: gateways.files.directory).count == 1)
        #expect(try await gateways.rows("SELECT id FROM work_item").count == 1)
    }

    @Test("Approved and taken back at once: what was taken back stays so")
    func deciding() async throws {
        let gateways = try await ImportGateways()
        var held: [ImportID] = []
        for number in 0..<12 {
            held.append(try await gateways.upload(number, "email,name\na\(number)@example.com,A\n", approval: true).id)
        }
        let ids = held
        let outcomes = await atOnce(48) { number in
            let operations = gateways.operations(number)
            let id = ids[number / 4]
            return number % 4 < 2
                ? try await operations.approve(id, caller: "key_b") : try await operations.cancel(id)
        }
        for outcome in outcomes {
            guard case .failure(let error) = outcome else { continue }
            guard case .notPossible(_, .cancelled)? = error as? ImportOperationError else {
                Issue.record(error)
                continue
            }
        }
        for id in ids { #expect(try await gateways.operations(0).find(id).state == .cancelled) }
    }

    @Test("Sent again and uploaded again at once, one alone goes on")
    func retrying() async throws {
        let gateways = try await ImportGateways()
        for number in 0..<8 {
            let text = "email,name\nb\(number)@example.com,B\n"
            let failed = try await gateways.upload(number, text).id
            _ = try await gateways.engines[0].write { transaction in
                try transaction.execute(
                    "UPDATE import SET state = 'failed', counts_as_duplicate = 0 WHERE id = \(failed)")
            }
            let outcomes = await atOnce(2) { which in
                which == 0
                    ? try await gateways.operations(0).retry(failed) : try await gateways.upload(1, text)
            }
            let done = outcomes.compactMap { try? $0.get() }
            #expect(done.count == 1)
            for outcome in outcomes {
                guard case .failure(let error) = outcome else { continue }
                #expect((error as? ImportOperationError)?.code == "duplicate_import")
            }
        }
    }
}

/// Two gateways on one database and one directory, without workers.
private struct ImportGateways: Sendable {
    let engines: [any StorageEngine]
    let files: LocalFileStore
    private let domains: [ImportDomain]
    private let database: TestDatabase

    init() async throws {
        database = try await TestDatabase(EventMigrations.all + WorkQueueMigrations.all + ImportMigrations.all)
        engines = try database.gateways()
        let files = try LocalFileStore(directory: database.directory.file("uploads"))
        self.files = files
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let time = ManualTimeSource(SystemTimeSource().now())
        let vendor = VendorClient(
            settings: VendorSettings(baseURL: "http://127.0.0.1:9", publicKey: "pk", secretKey: Secret("sk")),
            http: OutboundHTTPClient(loop: CurlMultiLoop(logger: logger), configuration: .init(userAgent: "test")),
            time: time, logger: logger)
        domains = engines.map {
            ImportDomain(engine: $0, queue: WorkQueue(), vendor: vendor, files: files, time: time, logger: logger)
        }
    }

    func operations(_ number: Int) -> ImportOperations { domains[number % domains.count].operations }

    func upload(_ number: Int, _ text: String, approval: Bool = false) async throws -> Import {
        let request = ImportRequest(object: .customers, needsApproval: approval, caller: "key_a")
        return try await operations(number).upload(request) { try await $0.write(Array(text.utf8)) }
    }

    func rows(_ query: SQLQuery) async throws -> [ResultRow] {
        try await engines[0].read { try $0.rows(query) }
    }
}
