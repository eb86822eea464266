import CausewayCore
import Logging
import Storage
import Support
import Testing
import Vendor
import WorkQueue

@testable import Imports

@Suite("A store whose answers are lost", .onEveryEngine)
struct UntoldCommitTests {
    @Test(
        "has an import sent once and told of once, and bothers nobody",
        arguments: [[true], [false, true], [true, true]])
    func forwarding(untold: [Bool]) async throws {
        try await ImportWorld.with { world in
            let new = try await world.upload()
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let queue = WorkQueue()
            let context = ImportContext(
                engine: UntoldCommits(world.database.engine, untold: untold), queue: queue,
                vendor: VendorClient(
                    settings: VendorSettings(
                        baseURL: world.vendorURL, publicKey: "pk_test", secretKey: Secret("sk_test")),
                    http: world.http, time: SystemTimeSource(), logger: logger),
                files: world.files, catalog: .builtIn, settings: ImportSettings(), time: SystemTimeSource(),
                logger: logger)
            let now = SystemTimeSource().now()
            let items = try await world.database.engine.write {
                try queue.claim(ImportForwardWork.kind, limit: 1, at: now, until: now + .seconds(15), in: $0)
            }
            _ = try await ImportForwardWork(context: context).run(try #require(items.first))
            #expect(try await world.domain.operations.find(new.id).state == .completed)
            #expect(try await world.arrived().count == 1)
            #expect(try await world.events() == ["import.completed"])
        }
    }
}
