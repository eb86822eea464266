import CausewayCore
import Events
import Foundation
import HTTPTypes
import Storage
import Testing
import Vendor
import VendorSimulator

@testable import Exports

@Suite("Which channel tells of an export")
struct TellingTests {
    private func recorded(
        _ world: ExportWorld, _ key: String, _ isSo: @escaping @Sendable (Export) -> Bool = { _ in true }
    ) async throws -> Export {
        try await world.until("the export is on record") { transaction in
            try ExportStore().export(vendorKey: key, in: transaction).map(isSo) ?? false
        }
        return try await world.domain.operations.export(key)
    }

    @Test("Somebody else's export that both its own webhook and the account's tell of has been seen by both")
    func foreignByBoth() async throws {
        try await ExportWorld.with { world in
            try await world.domain.accountWebhook.register()
            let url = try await world.domain.accountWebhook.url()
            let made = try await world.control(
                .post, "/simulator/exports",
                ["source": "scheduled", "after_ms": 50, "webhook_target_url": .string(url)])
            let key = try #require(made["key"]?.string)
            let export = try await recorded(world, key) { $0.seenBy[.webhook] != nil && $0.seenBy[.event] != nil }
            #expect(export.status == .success)
            #expect(export.seenBy[.poll] == nil)
            #expect(try await world.eventTypes(export.id) == ["export.completed"])
        }
    }

    @Test("One that was given up and ends after all is on record beside the failure, and told once")
    func afterAll() async throws {
        try await ExportWorld.with(
            .quick {
                $0.faults = [Fault(.dropAnswer, route: "trigger", count: 1)]
                $0.hold = true
            },
            settings: { $0.unknownPatience = .milliseconds(200) }
        ) { world in
            let id = try await world.request().export.id
            let failed = try await world.settled(id)
            #expect(failed.status == .failure && failed.error?.code == "outcome_unknown")
            let listed = try await world.control(.get, "/simulator/exports?wait=60&count=1")
            let key = try #require(listed["data"]?.array?.first?["key"]?.string)
            try await world.control(.post, "/simulator/exports/\(key)/complete", [:])
            let export = try await recorded(world, key) { $0.status == .success }
            #expect(export.id != id)
            #expect(export.seenBy[.webhook] != nil)
            #expect(try await world.domain.operations.export(id.text).status == .failure)
            #expect(try await world.eventTypes(id) == ["export.failed"])
            #expect(try await world.eventTypes(export.id) == ["export.completed"])
            try await world.until("it is counted") { _ in world.domain.counters[.endedAfterAll] == 1 }
            let again = try await world.request { $0.maxAge = .seconds(3600) }
            #expect(again.way == .found && again.export.id == export.id)

            // The webhook once more changes nothing.
            let token = try #require(failed.hookToken?.reveal())
            let claim: JSONValue = ["key": .string(key), "status": "success"]
            #expect(try await world.domain.hooks.exportHint(token: token, body: Data(claim.text.utf8)))
            try await world.until("the check is done") { transaction in
                try transaction.row(
                    "SELECT id FROM work_item WHERE kind = 'export.check' AND work_key = \(id.text)") == nil
            }
            #expect(try await world.events().count == 2)
        }
    }

    @Test("Some time after each completion the channels that have told of it are counted, and those that have not")
    func tally() async throws {
        // Nothing but a webhook tells of its end.
        try await ExportWorld.with(settings: { ($0.pollFast, $0.pollSlow) = (.seconds(3600), .seconds(3600)) }) {
            world in
            // No account webhook is there.
            let id = try await world.request().export.id
            #expect(try await world.settled(id).status == .success)
            let due = try await world.engine.read { transaction in
                try transaction.row(
                    "SELECT visible_at FROM work_item WHERE kind = 'export.tally' AND work_key = \(id.text)")
            }
            let visibleAt: Timestamp = try #require(due)["visible_at"]
            #expect(visibleAt > SystemTimeSource().now() + .seconds(500))
            try await world.engine.write { transaction in
                try transaction.execute("UPDATE work_item SET visible_at = 0 WHERE kind = 'export.tally'")
                transaction.signal(WorkQueueTopic.tally)
            }
            let counters = world.domain.counters
            try await world.until("it is counted") { _ in counters[.seenByWebhook] == 1 }
            #expect(counters[.missedByEvent] == 1 && counters[.missedByPoll] == 1)
            #expect(counters[.missedByWebhook] == 0 && counters[.seenByEvent] == 0 && counters[.seenByPoll] == 0)
        }
    }
}

private enum WorkQueueTopic { static let tally: SignalTopic = "work:export.tally" }
