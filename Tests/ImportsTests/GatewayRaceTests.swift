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
            guard case .duplicate(let first, _, _)? = error as? ImportOperationError else {
                Issue.record(error)
                continue
            }
            #expect(first == made.first?.id)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: gateways.files.directory).count == 1)
        #expect(try await gateways.rows("SELECT id FROM work_item").count == 1)
    }

    @Test("Of many files whose rows overlap each row goes out once, whichever comes first")
    func overlapping() async throws {
        let gateways = try await ImportGateways()
        let outcomes = await atOnce(12) { number in
            let rows = (number * 5..<number * 5 + 10).map { "p\($0),1,Bonus\n" }.joined()
            return try await gateways.upload(
                number, "partner_key,amount_in_cents,body\n" + rows, of: .rewards, mode: .validRows)
        }
        let made = try outcomes.map { try $0.get() }
        var sent: [String] = []
        for new in made where new.state == .forwarding {
            let text = try String(contentsOfFile: gateways.files.path("\(new.id).csv"), encoding: .utf8)
            sent += text.split(separator: "\n").dropFirst().map(String.init)
            #expect(text.split(separator: "\n").count == new.rows.valid + 1)
        }
        #expect(sent.count == 65)
        #expect(Set(sent) == Set((0..<65).map { "p\($0),1,Bonus" }))
        let names = try FileManager.default.contentsOfDirectory(atPath: gateways.files.directory)
        #expect(names.count { $0.hasSuffix(".rows") } == made.count { $0.state == .forwarding })
        #expect(names.count { $0.hasSuffix(".part") } == 0)
    }

    @Test("The same rows in files of all kinds, sent at once, are one import")
    func sameRows() async throws {
        let gateways = try await ImportGateways()
        let files = [
            "email,name\na@b.co,A\nb@b.co,B\n", "\u{FEFF}email,name\na@b.co,A\nb@b.co,B\n",
            "name;email\r\nB;b@b.co\r\nA;a@b.co\r\n", "EMAIL,NAME,state\nb@b.co,B,\na@b.co,\"A\",\n",
        ]
        let outcomes = await atOnce(16) { try await gateways.upload($0, files[$0 % files.count]) }
        #expect(outcomes.compactMap { try? $0.get() }.count == 1)
        for outcome in outcomes {
            guard case .failure(let error) = outcome else { continue }
            #expect((error as? ImportOperationError)?.code == "duplicate_import")
        }
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

    func upload(
        _ number: Int, _ text: String, of object: ImportObject = .customers, mode: ImportMode = .allOrNothing,
        approval: Bool = false
    ) async throws -> Import {
        let request = ImportRequest(object: object, mode: mode, needsApproval: approval, caller: "key_a")
        return try await operations(number).upload(request) { try await $0.write(Array(text.utf8)) }
    }

    func rows(_ query: SQLQuery) async throws -> [ResultRow] {
        try await engines[0].read { try $0.rows(query) }
    }
}
