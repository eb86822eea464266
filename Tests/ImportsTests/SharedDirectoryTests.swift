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

@Suite("Uploads in a directory that gateways share")
struct SharedDirectoryTests {
    @Test("A start leaves alone what another gateway is writing, or has written and not yet told")
    func start() async throws {
        try await SharedUploads.with { shared in
            let writing = try shared.files.create("\(ImportID(at: shared.time.now())).csv")
            let untold = "\(ImportID(at: shared.time.now())).csv"
            try shared.files.create(untold).finish()
            try await shared.gateway().start()
            #expect(try shared.names() == [URL(filePath: writing.unfinishedPath).lastPathComponent, untold].sorted())
            _ = consume writing
        }
    }

    @Test("What lies there for a day and is nobody's is removed")
    func day() async throws {
        try await SharedUploads.with { shared in
            let writing = try shared.files.create("\(ImportID(at: shared.time.now())).csv")
            try shared.files.create("\(ImportID(at: shared.time.now())).csv").finish()
            let kept = try await shared.upload(shared.gateway())
            shared.time.advance(by: .seconds(86_400 + 60))
            try await shared.gateway().start()
            #expect(try shared.names() == ["\(kept.id).csv"])
            _ = consume writing
        }
    }

    @Test("A file that another gateway has just written and that is not visible yet is waited for, some minutes long")
    func invisible() async throws {
        try await SharedUploads.with { shared in
            let new = try await shared.upload(shared.gateway())
            let elsewhere = try LocalFileStore(directory: shared.directory.file("elsewhere"))
            let blind = shared.gateway(elsewhere)
            try await shared.working(blind) {
                let waiting = try await shared.until(blind, new.id) { $0.error != nil }
                #expect(waiting.state == .forwarding)
                #expect(waiting.error?.code == "file_not_visible")
                shared.time.advance(by: .seconds(300))
                let lost = try await shared.until(blind, new.id) { $0.state == .failed }
                #expect(lost.error?.code == "file_lost")
            }
        }
    }

    @Test("While the directory is away nothing is lost")
    func away() async throws {
        try await SharedUploads.with { shared in
            let new = try await shared.upload(shared.gateway())
            shared.time.advance(by: .seconds(3600))
            let mount = try LocalFileStore(directory: shared.directory.file("mount"))
            try FileManager.default.removeItem(atPath: mount.directory)
            let gateway = shared.gateway(mount)
            try await shared.working(gateway) {
                let waiting = try await shared.until(gateway, new.id) { $0.error != nil }
                #expect(waiting.state == .forwarding)
                #expect(waiting.error?.code == "storage_unavailable")
                try FileManager.default.moveItem(atPath: shared.files.directory, toPath: mount.directory)
                shared.time.advance(by: .seconds(60))
                // Nobody listens where the vendor should be: the file was found, and is on its way.
                let going = try await shared.until(gateway, new.id) { $0.error?.code != "storage_unavailable" }
                #expect(going.error?.code == "vendor_unreachable")
            }
        }
    }
}

/// A PostgreSQL and a directory, and gateways on both; the vendor is away.
private struct SharedUploads: Sendable {
    let engine: any StorageEngine
    let directory: TemporaryDirectory
    let files: LocalFileStore
    let time: ManualTimeSource
    let http: OutboundHTTPClient
    let vendorURL: String
    private let queue = WorkQueue()
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    static func with(_ body: (SharedUploads) async throws -> Void) async throws {
        try await PostgresDatabase.with(EventMigrations.all + WorkQueueMigrations.all + ImportMigrations.all) {
            engine in
            let loop = CurlMultiLoop(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try loop.start()
            let directory = try TemporaryDirectory()
            let shared = SharedUploads(
                engine: engine, directory: directory,
                files: try LocalFileStore(directory: directory.file("uploads")),
                time: ManualTimeSource(SystemTimeSource().now()),
                http: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "causeway-tests")),
                vendorURL: "http://127.0.0.1:\(try FreePort.any())")
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(shared))
            } catch {
                result = .failure(error)
            }
            await loop.stop()
            try result.get()
        }
    }

    func gateway(_ own: LocalFileStore? = nil) -> ImportDomain {
        let vendor = VendorClient(
            settings: VendorSettings(baseURL: vendorURL, publicKey: "pk_test", secretKey: Secret("sk_test")),
            http: http, time: SystemTimeSource(), logger: logger)
        return ImportDomain(
            engine: engine, queue: queue, vendor: vendor, files: own ?? files, time: time, logger: logger)
    }

    func upload(_ gateway: ImportDomain) async throws -> Import {
        try await gateway.operations.upload(ImportRequest(object: .customers, caller: "key_a")) {
            try await $0.write(Array(ImportWorld.customers.utf8))
        }
    }

    func working(_ gateway: ImportDomain, _ body: () async throws -> Void) async throws {
        let worker = Worker(queue: queue, engine: engine, time: time, logger: logger, handlers: gateway.handlers)
        async let run: Void = worker.run()
        let result: Result<Void, any Error>
        do {
            result = .success(try await body())
        } catch {
            result = .failure(error)
        }
        worker.stop()
        try await run
        try result.get()
    }

    func until(_ gateway: ImportDomain, _ id: ImportID, _ isWanted: (Import) -> Bool) async throws -> Import {
        try await engine.signals.withSubscription(to: [ImportStore.topic(id)]) { signal in
            while true {
                let found = try await gateway.operations.find(id)
                if isWanted(found) { return found }
                try await signal.next()
            }
        }
    }

    func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: files.directory).sorted()
    }
}
