import CausewayCore
import Exports
import Foundation
import HTTPTypes
import Storage
import Support
import Testing
import Vendor
import VendorSimulator

@Suite("One export's way, through faults", .onEveryEngine)
struct FaultTests {
    @Test(
        "A trigger whose answer is lost is found again through its webhook, and goes out once",
        arguments: [Fault.Kind.dropAnswer, .notJSON, .truncatedJSON, .cutAnswer, .noData])
    func lostAnswer(_ kind: Fault.Kind) async throws {
        try await ExportWorld.with(.quick { $0.faults = [Fault(kind, route: "trigger", count: 1)] }) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .success)
            #expect(export.error == nil)
            let sent = try await world.requests("trigger")
            #expect(sent == 1)
            #expect(try await world.eventTypes(id) == ["export.completed"])
            #expect(world.domain.counters[.unknownOutcome] == 1)
        }
    }

    @Test("Where the direct webhook is lost too, the account's ties it by its target URL")
    func lostAnswerAndWebhook() async throws {
        try await ExportWorld.with(
            .quick {
                $0.faults = [
                    Fault(.dropAnswer, route: "trigger", count: 1), Fault(.webhookLost, route: "webhook.direct"),
                ]
            }
        ) { world in
            try await world.domain.accountWebhook.register()
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .success)
            #expect(export.seenBy[.event] != nil)
            let all = try await world.domain.operations.list(PageRequest())
            #expect(all.elements.count == 1, "it is not taken for somebody else's")
            #expect(try await world.eventTypes(id) == ["export.completed"])
        }
    }

    @Test("Without any hint an unknown outcome ends in a failure that says what is known, and nothing is sent again")
    func noHint() async throws {
        try await ExportWorld.with(
            .quick {
                $0.faults = [Fault(.dropAnswer, route: "trigger", count: 1)]
                $0.sendsWebhooks = false
            }
        ) {
            $0.unknownPatience = .seconds(1)
        } _: { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .failure)
            #expect(export.error?.code == "outcome_unknown")
            let sent = try await world.requests("trigger")
            #expect(sent == 1)
            #expect(try await world.eventTypes(id) == ["export.failed"])
            // The vendor may count it: the next one waits for the window.
            let next = try await world.request()
            #expect(next.export.status == .deferred)
        }
    }

    @Test("A gateway that died between sending and writing down sends nothing again")
    func diedWhileSending() async throws {
        try await ExportWorld.with(works: false) { world in
            let id = try await world.request().export.id
            let token = try await world.engine.read { transaction -> String in
                try transaction.row("SELECT hook_token FROM export")?["hook_token"] ?? ""
            }
            // What the worker does up to the moment it dies: "about to send" is durable, the trigger is out.
            try await world.engine.write { transaction in
                _ = try transaction.execute(
                    """
                    UPDATE export SET trigger_state = 'sending', sent_at = \(SystemTimeSource().now()),
                        revision = revision + 1
                    """)
            }
            _ = try await world.vendor.triggerExport(
                ExportTrigger(
                    report: "vrc_123456", memberEmail: "ops@example.com",
                    webhookTargetURL: "\(world.settings.publicURL)/hooks/exports/\(token)", showUnexpanded: false))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.work() }
                let export = try await world.settled(id)
                #expect(export.status == .success)
                group.cancelAll()
                while await group.nextResult() != nil {}
            }
            #expect(try await world.vendorExports() == 1)
            #expect(try await world.eventTypes(id) == ["export.completed"])
        }
    }

    @Test(
        "Where asking again is set, a gateway that died on the way gets its one export, sent before or not",
        arguments: [true, false])
    func asksAgain(_ isTaken: Bool) async throws {
        try await ExportWorld.with(
            .quick { $0.hold = true }, settings: { $0.asksAgainAfter = .milliseconds(500) }, works: false
        ) { world in
            let asked = try await world.request().export
            let token = try #require(try await world.domain.operations.export(asked.id.text).hookToken?.reveal())
            try await world.engine.write { transaction in
                _ = try transaction.execute(
                    """
                    UPDATE export SET trigger_state = 'sending', sent_at = \(SystemTimeSource().now()),
                        revision = revision + 1
                    """)
            }
            if isTaken {
                _ = try await world.vendor.triggerExport(
                    ExportTrigger(
                        report: "vrc_123456", memberEmail: "ops@example.com",
                        webhookTargetURL: "\(world.settings.publicURL)/hooks/exports/\(token)", showUnexpanded: false))
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await world.work() }
                let sent: Int64 = isTaken ? 2 : 1
                try await world.control(.get, "/simulator/requests?route=trigger&count=\(sent)&wait=60")
                let key = try await world.control(.get, "/simulator/exports?wait=60")["data"]?.array?.first?["key"]
                try await world.control(.post, "/simulator/exports/\(key?.string ?? "")/complete")
                #expect(try await world.settled(asked.id, .success).vendorKey == key?.string)
                group.cancelAll()
                while await group.nextResult() != nil {}
            }
            #expect(try await world.vendorExports() == 1)
            #expect(try await world.eventTypes(asked.id) == ["export.completed"])
        }
    }

    @Test("A 5xx is tried again; where the vendor had taken it all the same, no second export comes of it")
    func serverFailure() async throws {
        var fault = Fault(.status, route: "trigger", count: 1)
        fault.processed = true
        try await ExportWorld.with(
            .quick {
                $0.faults = [fault]
                $0.exportDuration = .seconds(2)
            }
        ) { world in
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .success)
            #expect(try await world.vendorExports() == 1)
            let sent = try await world.requests("trigger")
            #expect(sent == 2)
            #expect(try await world.eventTypes(id) == ["export.completed"])
        }
        fault.processed = false
        let plain = fault
        try await ExportWorld.with(.quick { $0.faults = [plain] }) { world in
            let id = try await world.request().export.id
            #expect(try await world.settled(id).status == .success)
        }
    }

    @Test("A refusal is a failure with the vendor's words")
    func refusal() async throws {
        try await ExportWorld.with { world in
            let id = try await world.request { $0.memberEmail = "stranger@example.com" }.export.id
            let export = try await world.settled(id)
            #expect(export.status == .failure)
            #expect(export.error?.code == "vendor_forbidden")
            #expect(export.error?.vendor["message"] == "Member email does not have access to this company")
            #expect(try await world.eventTypes(id) == ["export.failed"])
        }
    }

    @Test(
        "Where somebody else has used the window up, the export is deferred and goes out when it opens", .inRealTime)
    func deferred() async throws {
        try await ExportWorld.with(.quick { $0.window = RealTime.limit * 6 }) {
            $0.limits.window = RealTime.limit * 6
        } _: { world in
            _ = try await world.vendor.triggerExport(
                ExportTrigger(
                    report: "vrc_123456", memberEmail: "ops@example.com", webhookTargetURL: nil, showUnexpanded: false))
            let id = try await world.request().export.id
            let export = try await world.settled(id)
            #expect(export.status == .deferred)
            #expect(export.notBefore.map { $0 > SystemTimeSource().now() } == true)
            // Who would not wait is told at once, also of a deferred one.
            let refused = await #expect(throws: ExportOperationError.self) {
                _ = try await world.request { $0.whenLimited = .fail }
            }
            #expect(refused?.code == "limited")
            #expect(try await world.settled(id, .success).notBefore == nil)
        }
    }

    @Test("Wrong keys lose nothing: the export waits and says why")
    func wrongKeys() async throws {
        try await ExportWorld.with(vendor: {
            $0 = VendorSettings(baseURL: $0.baseURL, publicKey: "pk_test", secretKey: Secret("sk_wrong"))
        }) { world in
            let id = try await world.request().export.id
            try await world.until("the error is shown") { transaction in
                try ExportStore().export(id, in: transaction)?.error?.code == "vendor_unauthorized"
            }
            #expect(try await world.domain.operations.export(id.text).status == .requested)
            let cancelled = try await world.domain.operations.cancel(id.text, caller: "key_1")
            #expect(cancelled.status == .cancelled)
        }
    }

    @Test("A vendor that fails while it is polled changes nothing: the end is found when it answers again")
    func pollingThroughFaults() async throws {
        try await ExportWorld.with(
            .quick {
                $0.sendsWebhooks = false
                $0.faults = [
                    Fault(.status, route: "export", count: 1), Fault(.truncatedJSON, route: "export", count: 1),
                ]
            }
        ) { world in
            let id = try await world.request().export.id
            #expect(try await world.settled(id).status == .success)
            #expect(try await world.eventTypes(id) == ["export.completed"])
        }
    }

    @Test("A hook with an unknown token is nothing; one with a known token and an unreadable body is a hint")
    func hookBodies() async throws {
        try await ExportWorld.with(.quick { $0.sendsWebhooks = false }) {
            $0.pollFast = .seconds(600)
        } _: { world in
            let hooks = world.domain.hooks
            _ = try await world.domain.accountWebhook.url()
            #expect(try await !hooks.exportHint(token: "guess", body: .init()))
            #expect(try await !hooks.eventHint(token: "guess", body: .init()))
            let id = try await world.request().export.id
            let queued = try await world.settled(id, .queued)
            let token = try #require(queued.hookToken?.reveal())
            try await world.control(.get, "/simulator/exports/\(queued.vendorKey ?? "")?until=success&wait=60")
            #expect(try await hooks.exportHint(token: token, body: .init("<html>".utf8)))
            let export = try await world.settled(id)
            #expect(export.status == .success)
            #expect(export.seenBy[.webhook] != nil)
        }
    }

    @Test("A webhook that claims an export which is not of this report is not believed")
    func falseClaim() async throws {
        var fault = Fault(.dropAnswer, route: "trigger", count: 1)
        fault.skip = 1
        let secondIsLost = fault
        try await ExportWorld.with(
            .quick {
                $0.faults = [secondIsLost]
                $0.sendsWebhooks = false
            }
        ) { world in
            let other = try await world.vendor.triggerExport(
                ExportTrigger(
                    report: "vrc_123457", memberEmail: "finance@example.com", webhookTargetURL: nil,
                    showUnexpanded: false))
            let id = try await world.request().export.id
            try await world.until("the outcome is unknown") { transaction in
                try ExportStore().export(id, in: transaction)?.triggerState == .unknown
            }
            let token = try #require(try await world.domain.operations.export(id.text).hookToken?.reveal())
            let claim: JSONValue = ["key": .string(other.key), "status": "success"]
            #expect(try await world.domain.hooks.exportHint(token: token, body: .init(claim.text.utf8)))
            try await world.until("the claim is dropped") { transaction in
                try transaction.row("SELECT id FROM work_item WHERE kind = 'export.check'") == nil
            }
            let export = try await world.domain.operations.export(id.text)
            #expect(export.status == .requested)
            #expect(export.vendorKey == nil)
            #expect(world.domain.counters[.contradiction] == 1)
        }
    }
}
