import CausewayCore
import Events
import Logging
import Storage
import Support
import Testing
import VendorSimulator
import WorkQueue

@testable import Exports

@Suite("A store whose answers are lost", .onEveryEngine)
struct UntoldCommitTests {
    @Test("has an export triggered once, and its outcome is known", arguments: [[true], [false, true], [true, true]])
    func trigger(untold: [Bool]) async throws {
        try await ExportWorld.with(.quick { $0.exportDuration = .seconds(60) }, works: false) { world in
            let id = try await world.request().export.id
            let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            let queue = WorkQueue()
            let context = ExportContext(
                engine: UntoldCommits(world.engine, untold: untold), queue: queue, vendor: world.vendor,
                files: world.files, settings: world.settings, time: SystemTimeSource(), logger: logger,
                counters: ExportCounters())
            let now = SystemTimeSource().now()
            let items = try await world.engine.write {
                try queue.claim(ExportTriggerWork.kind, limit: 1, at: now, until: now + .seconds(15), in: $0)
            }
            _ = try await ExportTriggerWork(context: context).run(try #require(items.first))
            let export = try await world.domain.operations.export(id.text)
            #expect(export.status == .queued)
            #expect(export.triggerState == .idle)
            #expect(try await world.requests("trigger") == 1)
        }
    }
}
