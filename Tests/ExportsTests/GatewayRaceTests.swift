import CausewayCore
import Dispatch
import Events
import Foundation
import Storage
import Support
import Testing
import Vendor
import WorkQueue

@testable import Exports

@Suite("Exports of two gateways at once", .onEveryEngine)
struct GatewayRaceTests {
    @Test("A thousand requests alike are one export, one request each, and one trigger to be sent")
    func coalescing() async throws {
        let gateways = try await ExportGateways()
        let answers = try await atOnce(1000) { try await gateways.request($0) }.map { try $0.get() }
        #expect(answers.filter { $0.way == .made }.count == 1)
        #expect(answers.filter { $0.way == .joined }.count == 999)
        #expect(Set(answers.map(\.export.id)).count == 1)
        #expect(try await gateways.domain(1).operations.export(answers[0].export.id.text).requests == 1000)
        #expect(try await gateways.rows("SELECT id FROM export_request").count == 1000)
        #expect(try await gateways.rows("SELECT id FROM work_item").count == 1)
        #expect(gateways.retries == 0)
    }

    @Test("The ledger gives each place once, whichever reports of a member are asked for")
    func ledger() async throws {
        let gateways = try await ExportGateways { $0.limits.perMember = 3 }
        let answers = try await atOnce(80) { number in
            try await gateways.request(number, "vrc_\(number % 20)") { $0.showUnexpanded = number >= 40 }
        }.map { try $0.get() }
        #expect(answers.filter { $0.way == .made }.count == 40)
        let placed = try await gateways.rows("SELECT report, status FROM export WHERE slot_at IS NOT NULL")
        #expect(placed.count == 3)
        #expect(Set(try placed.map { try $0["report"] as String }).count == 3)
        #expect(try placed.allSatisfy { try $0["status"] == "requested" })
        #expect(try await gateways.rows("SELECT id FROM export WHERE status = 'deferred'").count == 37)
        #expect(gateways.retries == 0)
    }

    @Test("Who withdraws many times at once withdraws once")
    func withdrawing() async throws {
        let gateways = try await ExportGateways()
        let id = try await gateways.request(1).export.id.text
        _ = try await gateways.request(2)
        _ = try await atOnce(16) { number in
            try await gateways.domain(number).operations.cancel(id, caller: "key_1")
        }.map { try $0.get() }
        let export = try await gateways.domain(0).operations.export(id)
        #expect(export.requests == 1)
        #expect(export.status == .requested)
        #expect(gateways.retries == 0)
    }

    @Test("Who joins while the last one withdraws has an export that goes on")
    func joiningTheWithdrawn() async throws {
        let gateways = try await ExportGateways { $0.limits.perMember = 1000 }
        let reports = (0..<20).map { "vrc_\($0)" }
        var first: [String] = []
        for report in reports { first.append(try await gateways.request(1, report).export.id.text) }
        let withdrawn = first
        let outcomes = await atOnce(40) { number in
            let place = number / 2
            if number % 2 == 0 {
                _ = try await gateways.domain(place).operations.cancel(withdrawn[place], caller: "key_1")
            } else {
                _ = try await gateways.request(place + 3, reports[place])
            }
        }
        for outcome in outcomes { try outcome.get() }
        let alive = try await gateways.rows(
            "SELECT report, requests FROM export WHERE status IN ('requested', 'deferred')")
        #expect(Set(try alive.map { try $0["report"] as String }) == Set(reports))
        #expect(try alive.allSatisfy { try $0["requests"] == 1 })
        #expect(gateways.retries == 0)
    }

    @Test("One that ends while it is being joined answers who takes one of that age", .only(on: .postgres))
    func endingWhileJoined() async throws {
        let gateways = try await ExportGateways()
        let made = try await gateways.request(0).export
        let (context, time) = (gateways.contexts[0], gateways.time)
        _ = try await gateways.change(made.id) { [said = try gateways.said("vrex_1", "queued", of: made)] export in
            _ = export.takeUpTrigger(
                at: time.now(), opening: nil, unknownPatience: .seconds(1), triggerPatience: .seconds(1))
            return export.triggerAnswered(said, at: time.now())
        }
        let release = DispatchSemaphore(value: 0)
        let ends = try gateways.said("vrex_1", "success", of: made)
        async let ending: Void = context.engine.write { transaction in
            let now = time.now()
            guard var export = try context.store.export(made.id, toChange: true, in: transaction) else { return }
            let consequences = export.vendorSays(ends, at: now)
            _ = try context.commit(export, consequences, at: now, in: transaction)
            release.wait()
        }
        async let answer = gateways.request(1) { $0.maxAge = .seconds(3600) }
        var isWaiting = false
        while !isWaiting {
            isWaiting = try await !gateways.rows(
                """
                SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            ).isEmpty
            await Task.yield()
        }
        release.signal()
        try await ending
        #expect(try await answer.way == .found)
        #expect(try await answer.export.id == made.id)
    }

    @Test("Hints by every channel and the answers to them make one end and one event of each export")
    func completion() async throws {
        let gateways = try await ExportGateways { $0.limits.perMember = 1000 }
        let token = try await gateways.contexts[0].engine.write { [context = gateways.contexts[0]] in
            try context.facts.makeEventsToken(in: $0)
        }
        var exports: [Export] = []
        for number in 0..<10 {
            let made = try await gateways.request(number, "vrc_\(number)").export
            let said = try gateways.said("vrex_\(number)", "queued", of: made)
            exports.append(
                try await gateways.change(made.id) { [time = gateways.time] export in
                    _ = export.takeUpTrigger(
                        at: time.now(), opening: nil, unknownPatience: .seconds(1), triggerPatience: .seconds(1))
                    return export.triggerAnswered(said, at: time.now())
                })
        }
        let ended = exports
        let now = gateways.time.now()
        // By our id, and as one that only a webhook told of: two items for each, claimed by different gateways.
        let items = try await gateways.contexts[0].engine.write { [queue = gateways.contexts[0].queue] transaction in
            for export in ended {
                try queue.enqueue(ExportCheckWork.draft(export.id, dueAt: now), at: now, in: transaction)
                let key = export.vendorKey ?? ""
                try queue.enqueue(
                    ExportCheckWork.draft(vendorKey: key, seenBy: .event, at: now), at: now, in: transaction)
            }
            return try queue.claim(
                ExportCheckWork.kind, limit: 100, at: now, until: now + .seconds(60), in: transaction)
        }
        #expect(items.count == 20)
        let outcomes = await atOnce(80) { number in
            let export = ended[number / 8]
            let key = export.vendorKey ?? ""
            let hooks = gateways.domain(number).hooks
            switch number % 8 {
            case 0, 1: try await gateways.answer(number, items.first { $0.key == export.id.text }, export)
            case 2, 3: try await gateways.answer(number, items.first { $0.key == key }, export)
            case 4, 5:
                let isKnown = try await hooks.exportHint(
                    token: export.hookToken?.reveal() ?? "", body: Data("{\"key\":\"\(key)\"}".utf8))
                #expect(isKnown)
            default:
                let body = "{\"event\":\"vendor_report_export.completed\",\"data\":{\"key\":\"\(key)\"}}"
                #expect(try await hooks.eventHint(token: token, body: Data(body.utf8)))
            }
        }
        for outcome in outcomes { try outcome.get() }
        let events = try await gateways.contexts[0].engine.read { try EventLog().events(after: 0, limit: 100, in: $0) }
        #expect(events.map(\.type) == Array(repeating: "export.completed", count: 10))
        #expect(Set(events.map(\.resource)) == Set(ended.map(\.id.text)))
        for export in ended {
            let stored = try await gateways.domain(1).operations.export(export.id.text)
            #expect(stored.status == .success)
            #expect(stored.seenBy[.webhook] != nil && stored.seenBy[.event] != nil)
        }
        // On a machine with much else to do one may be run again; what waits in a circle would be every other.
        #expect(gateways.retries <= 2)
    }

    @Test("What came of a trigger settles that one alone, not one that went out since")
    func lateAnswer() async throws {
        let gateways = try await ExportGateways()
        let made = try await gateways.request(0).export
        let time = gateways.time
        @Sendable func takeUp(_ export: inout Export) {
            let step = export.takeUpTrigger(
                at: time.now(), opening: nil, unknownPatience: .seconds(3600),
                asksAgainWithin: .seconds(300)..<(.seconds(7200)), triggerPatience: .seconds(3600))
            #expect(step == .send)
        }
        let first = try await gateways.change(made.id) { export in
            takeUp(&export)
            return []
        }
        time.advance(by: .seconds(600))
        let second = try await gateways.change(made.id) { export in
            takeUp(&export)
            return []
        }
        let context = gateways.contexts[1]
        let item = try await context.engine.write { transaction in
            try context.queue.claim(
                ExportTriggerWork.kind, limit: 1, at: time.now(), until: time.now() + .seconds(15), in: transaction)[0]
        }
        let error = ExportError(code: "vendor_failing", message: "no")
        let answer = ExportTriggerAnswer.notTaken(error, isCertain: true, again: time.now())
        let sentAt = try #require(first.sentAt)
        try await ExportTriggerWork(context: context).settle(made.id, item, sentAt: sentAt, answer)
        let stored = try await gateways.domain(0).operations.export(made.id.text)
        #expect(stored.triggerState == .sending)
        #expect(stored.sentAt == second.sentAt)
    }
}

extension ExportGateways {
    /// Writes down that the vendor says success to a check. Of two that hold the same item's lease one has lost it.
    fileprivate func answer(_ number: Int, _ item: WorkItem?, _ export: Export) async throws {
        guard let item, let key = export.vendorKey else { return }
        let context = context(number)
        let said = try said(key, "success", of: export)
        do {
            _ = try await context.engine.write { transaction in
                try ExportCheckResult(context: context, item: item, askedKey: key, answer: .said(said))
                    .write(in: transaction)
            }
        } catch WorkQueueError.leaseLost {}
    }
}
