import CausewayCore
import Events
import Foundation
import HTTPTypes
import Storage
import Support
import Testing
import Vendor
import VendorSimulator
import WorkQueue

@testable import Exports

@Suite("What the vendor has although it was given up, or not known yet", .onEveryEngine)
struct AfterAllTests {
    @Test("A success after the vendor was waited for in vain is one of its own: its files are had, the failure stands")
    func timeout() async throws {
        try await ExportWorld.with(
            .quick { $0.hold = true },
            settings: {
                $0.pollPatience = .milliseconds(300)
                $0.pollFast = .milliseconds(100)
                $0.mirror.isEnabled = true
            }
        ) { world in
            let id = try await world.request().export.id
            let failed = try await world.settled(id)
            #expect(failed.error?.code == "vendor_timeout")
            let key = try #require(failed.vendorKey)
            try await world.control(.post, "/simulator/exports/\(key)/complete", [:])
            try await world.until("its files are there") { transaction in
                try ExportStore().export(vendorKey: key, in: transaction)?.mirroredAt != nil
            }
            let found = try await world.domain.operations.export(key)
            #expect(found.id != id && found.status == .success)
            #expect(found.memberEmail == "ops@example.com")
            #expect(found.seenBy[.webhook] != nil && found.seenBy[.poll] == nil)
            #expect(try await world.eventTypes(id) == ["export.failed"])
            #expect(try await world.eventTypes(found.id) == ["export.completed", "export.mirrored"])
            try await world.until("it is counted") { _ in
                world.domain.counters[.endedAfterAll] == 1 && world.domain.counters[.contradiction] == 1
            }
            let stands = try await world.domain.operations.export(id.text)
            #expect(stands.status == .failure && stands.completedAt == failed.completedAt)
            #expect(stands.error?.message.contains(found.id.text) == true)
            let again = try await world.request { $0.maxAge = .seconds(3600) }
            #expect(again.way == .found && again.export.id == found.id)

            // Told once more it changes nothing.
            try await world.control(.post, "/simulator/exports/\(key)/announce", [:])
            try await world.control(.get, "/simulator/webhooks?state=delivered&count=2&wait=20")
            try await world.until("the check is done") { transaction in
                try transaction.row("SELECT id FROM work_item WHERE kind = 'export.check'") == nil
            }
            #expect(try await world.events().count == 3)
            #expect(try await world.domain.operations.export(id.text).error == stands.error)
        }
    }

    @Test("A success after the vendor's own failure is a contradiction, and no second export")
    func takenBack() async throws {
        let play = try await Play()
        try await play.answer("vrex_1")
        try await play.hint("vrex_1")
        try await play.check("vrex_1", "failure")
        try await play.hint("vrex_1")
        try await play.check("vrex_1", "success")
        #expect(try await play.exports().map(\.status) == [.failure])
        #expect(play.context.counters[.contradiction] == 1)
        #expect(try await play.eventTypes() == ["export.failed"])
    }

    @Test("What nothing ties to a trigger that is not answered yet is held back, and is that trigger's once it is")
    func early() async throws {
        let play = try await Play()
        let seenAt = play.now
        try await play.hint("vrex_1")
        for _ in 0..<2 { try await play.check("vrex_1", "success") }
        #expect(try await play.exports().map(\.status) == [.requested])
        try await play.answer("vrex_1")
        try await play.check("vrex_1", "success")
        let export = try #require(try await play.exports().first)
        #expect(try await play.exports().count == 1)
        #expect(export.status == .success && export.error == nil && export.seenBy[.event] == seenAt)
        #expect(try await play.eventTypes() == ["export.completed"])
    }

    @Test("Where the trigger is never answered, what was held back is recorded as what it is: not known to be ours")
    func neverAnswered() async throws {
        let play = try await Play()
        try await play.hint("vrex_1")
        try await play.check("vrex_1", "success")
        _ = try await play.gateways.change(play.made.id) { [now = play.now] export in
            export.fail(ExportError(code: "outcome_unknown", message: "No webhook told of it."), at: now)
        }
        try await play.check("vrex_1", "success")
        #expect(Set(try await play.exports().map(\.status)) == [.failure, .success])
        #expect(try await play.eventTypes() == ["export.failed", "export.completed"])
    }

    @Test("Another report's, another source's and what shows whose it is are not held back")
    func others() async throws {
        let play = try await Play()
        for (number, members): (Int, [String: JSONValue]) in [
            (2, ["vendor_report_configuration_key": "vrc_2"]), (3, ["source": "in_app"]),
            (4, ["webhook_target_url": "https://elsewhere.example/hook"]),
        ] {
            try await play.hint("vrex_\(number)")
            try await play.check("vrex_\(number)", "success", members)
        }
        #expect(try await play.exports().count == 4)
    }

    @Test("An answer with what is on record as another export ends in words that name it")
    func keyTaken() async throws {
        let play = try await Play()
        try await play.hint("vrex_1")
        try await play.check("vrex_1", "success", ["source": "scheduled"])
        let other = try await play.gateways.domain(0).operations.export("vrex_1")
        try await play.answer("vrex_1")
        let export = try await play.gateways.domain(0).operations.export(play.made.id.text)
        #expect(export.status == .failure && export.error?.code == "vendor_key_taken")
        #expect(export.error?.message.contains(other.id.text) == true)
        #expect(try await play.eventTypes() == ["export.completed", "export.failed"])
    }
}

/// One export whose trigger is out, the account's webhook and the vendor's words, by hand.
private struct Play {
    let gateways: ExportGateways
    let made: Export
    private let item: WorkItem

    var context: ExportContext { gateways.contexts[0] }
    var now: Timestamp { gateways.time.now() }

    init() async throws {
        gateways = try await ExportGateways()
        made = try await gateways.request(0).export
        let (context, now) = (gateways.contexts[0], gateways.time.now())
        item = try await context.engine.write { transaction in
            try context.queue.claim(
                ExportTriggerWork.kind, limit: 1, at: now, until: now + .seconds(15), in: transaction)[0]
        }
        _ = try await gateways.change(made.id) { export in
            _ = export.takeUpTrigger(
                at: now, opening: nil, unknownPatience: .seconds(2700), triggerPatience: .seconds(86_400))
            return []
        }
    }

    func answer(_ key: String) async throws {
        let said = try said(key, "queued", [:])
        try await ExportTriggerWork(context: context).settle(made.id, item, sentAt: now, .taken(said))
    }

    /// By the account's webhook.
    func hint(_ key: String) async throws {
        let token = try await context.engine.write { [context] in try context.facts.makeEventsToken(in: $0) }
        let body = "{\"event\":\"vendor_report_export.completed\",\"data\":{\"key\":\"\(key)\"}}"
        #expect(try await gateways.domains[0].hooks.eventHint(token: token, body: Data(body.utf8)))
    }

    /// All that is due is asked for; nothing shows a target URL but what `members` say.
    func check(_ key: String, _ status: String, _ members: [String: JSONValue] = [:]) async throws {
        gateways.time.advance(by: .seconds(40))
        let items = try await context.engine.write { [context, now] transaction in
            try context.queue.claim(ExportCheckWork.kind, limit: 9, at: now, until: now + .seconds(15), in: transaction)
        }
        for item in items {
            try await ExportCheckWork(context: context).conclude(
                item, askedKey: key, .said(try said(key, status, members)))
        }
    }

    private func said(_ key: String, _ status: String, _ members: [String: JSONValue]) throws -> VendorExport {
        let plain: [String: JSONValue] = [
            "key": .string(key), "status": .string(status), "vendor_report_configuration_key": "vrc_1", "source": "api",
        ]
        return try #require(VendorExport(.object(plain.merging(members) { $1 })))
    }

    func exports() async throws -> [Export] {
        try await gateways.domains[0].operations.list(PageRequest()).elements
    }

    func eventTypes() async throws -> [String] {
        try await context.engine.read { try EventLog().events(after: 0, limit: 99, in: $0) }.map(\.type)
    }
}
