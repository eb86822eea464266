import CausewayCore
import Events
import FileStore
import Foundation
import HTTPTypes
import Logging
import OutboundHTTP
import Storage
import Support
import Vendor
import VendorSimulator
import WorkQueue

@testable import Imports

/// The imports of one gateway on a real store, against the vendor's simulator over sockets. The gateway's clock stands
/// still until a test moves it.
struct ImportWorld: Sendable {
    let database: TestDatabase
    let files: LocalFileStore
    let time: ManualTimeSource
    let vendorURL: String
    let http: OutboundHTTPClient
    let domain: ImportDomain
    private let queue = WorkQueue()

    static let customers = "email,name\r\na@example.com,\"Doe, \"\"J\"\"\"\r\nb@example.com,Bée\r\n"

    static func with(
        vendorURL: String? = nil, change: @escaping @Sendable (inout ImportSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (ImportWorld) async throws -> Void
    ) async throws {
        let simulator = VendorSimulator(SimulatorOptions())
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let http = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "causeway-tests"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.run() }
            let database = try await TestDatabase(
                EventMigrations.all + WorkQueueMigrations.all + ImportMigrations.all)
            let files = try LocalFileStore(directory: database.directory.file("uploads"))
            let url = if let vendorURL { vendorURL } else { try await simulator.url() }
            let result: Result<Void, any Error>
            do {
                let world = ImportWorld(
                    database: database, files: files, time: ManualTimeSource(SystemTimeSource().now()),
                    vendorURL: url, http: http, change)
                result = .success(try await body(world))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            try result.get()
        }
        await loop.stop()
    }

    private init(
        database: TestDatabase, files: LocalFileStore, time: ManualTimeSource, vendorURL: String,
        http: OutboundHTTPClient, _ change: (inout ImportSettings) -> Void
    ) {
        self.database = database
        self.files = files
        self.time = time
        self.vendorURL = vendorURL
        self.http = http
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        var settings = ImportSettings()
        change(&settings)
        let vendor = VendorClient(
            settings: VendorSettings(baseURL: vendorURL, publicKey: "pk_test", secretKey: Secret("sk_test")),
            http: http, time: SystemTimeSource(), logger: logger)
        domain = ImportDomain(
            engine: database.engine, queue: queue, vendor: vendor, files: files, settings: settings, time: time,
            logger: logger)
    }

    // MARK: The gateway

    /// Runs the gateway's worker while `body` runs.
    func working<Result: Sendable>(_ body: () async throws -> Result) async throws -> Result {
        let worker = Worker(
            queue: queue, engine: database.engine, time: time, logger: Logger(label: "test"),
            handlers: domain.handlers)
        async let run: Void = worker.run()
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        worker.stop()
        try await run
        return try result.get()
    }

    func upload(
        _ text: String = customers, _ object: ImportObject = .customers,
        _ change: (inout ImportRequest) -> Void = { _ in }
    ) async throws -> Import {
        try await upload(bytes: Array(text.utf8), object, change)
    }

    func upload(
        bytes: [UInt8], _ object: ImportObject = .customers, _ change: (inout ImportRequest) -> Void = { _ in }
    ) async throws -> Import {
        var request = ImportRequest(object: object, caller: "key_a")
        change(&request)
        return try await domain.operations.upload(request) { try await $0.write(bytes) }
    }

    /// Waits until an import is as wanted.
    func until(_ id: ImportID, _ isWanted: (Import) -> Bool) async throws -> Import {
        try await database.engine.signals.withSubscription(to: [ImportStore.topic(id)]) { signal in
            while true {
                let found = try await domain.operations.find(id)
                if isWanted(found) { return found }
                try await signal.next()
            }
        }
    }

    /// Uploads, and waits until the import stands still.
    func ended(_ new: Import) async throws -> Import {
        try await until(new.id) { $0.state.standsStill }
    }

    func events() async throws -> [String] {
        try await database.engine.read { try EventLog().events(after: 0, limit: 100, in: $0).map(\.type) }
    }

    func fileNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: files.directory).sorted()
    }

    // MARK: The vendor

    @discardableResult
    func vendor(_ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        let response = try await http.send(
            OutboundRequest(
                method, vendorURL + path, body: body.map { .text($0.text) } ?? .none, egress: .unrestricted,
                answer: .whole(upTo: 64 << 20)))
        let text = String(decoding: response.body, as: UTF8.self)
        return (try? JSONValue(parsing: text)) ?? .string(text)
    }

    /// The importer goes wrong once.
    func fault(_ kind: String, _ more: [String: JSONValue] = [:]) async throws {
        var members = more
        members["kind"] = .string(kind)
        members["route"] = "import"
        members["count"] = 1
        try await vendor(.post, "/simulator/faults", .object(members))
    }

    /// The files the importer has got, oldest first.
    func arrived() async throws -> [JSONValue] {
        let files = try await vendor(.get, "/simulator/imports")["data"]?.array ?? []
        func number(_ file: JSONValue) -> Int { Int(file["key"]?.string?.dropFirst("import_".count) ?? "") ?? 0 }
        return files.sorted { number($0) < number($1) }
    }

    func bytes(of file: JSONValue?) async throws -> String? {
        try await vendor(.get, "/simulator/imports/\(file?["key"]?.string ?? "")/file").string
    }
}
