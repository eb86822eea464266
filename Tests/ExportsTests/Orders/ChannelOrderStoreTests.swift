import CausewayCore
import Events
import Foundation
import Storage
import Support
import Testing
import Vendor
import WorkQueue

@testable import Exports

@Suite("An export in the store, in generated orders of what can come in", .onEveryEngine)
struct ChannelOrderStoreTests {
    /// Drawn from `number` alone, so that each is the same in every run.
    struct Order {
        let number: Int
        let steps: [OrderStep]
        let answer: OrderAnswer
        let words: VendorWords
        /// Whether the vendor shows our `webhook_target_url` in what it tells.
        let showsTarget: Bool

        init(_ number: Int) {
            var random = SeededRandom(state: UInt64(number))
            self.number = number
            var steps = (0..<random.below(7)).map { _ in OrderStep.allCases[random.below(5)] }
            for index in steps.indices.reversed() where steps[..<index].contains(.answer) {
                if steps[index] == .answer { steps.remove(at: index) }
            }
            self.steps = steps
            answer = random.below(4) == 0 ? .lost : .taken
            words = VendorWords.allCases.filter { $0 != .otherKey }[random.below(8)]
            showsTarget = random.below(2) == 0
        }
    }

    @Test("One resource, one event of each type, each channel's first word, and what was missed is counted")
    func generated() async throws {
        let gateways = try await ExportGateways { settings in
            settings.limits.perMember = 100_000
            settings.pollFast = .seconds(10)
            settings.pollSlow = .seconds(10)
        }
        for number in 0..<80 {
            let run = try await OrderRun(Order(number), gateways)
            try await run.play()
        }
        #expect(gateways.retries == 0)
    }
}

/// One order, played on two gateways: each restart hands it to the other.
private final class OrderRun {
    private let order: ChannelOrderStoreTests.Order
    private let gateways: ExportGateways
    private let made: Export
    private let item: WorkItem
    private let sentAt: Timestamp
    private let key: String
    private var gateway = 0
    private var asked = 0
    private var expected = OrderExpectation()
    private var pollTold: Timestamp?
    /// As the counters were before.
    private let before: [ExportCounters.Name: Int]

    private var context: ExportContext { gateways.context(gateway) }
    private var now: Timestamp { gateways.time.now() }

    init(_ order: ChannelOrderStoreTests.Order, _ gateways: ExportGateways) async throws {
        self.order = order
        self.gateways = gateways
        key = "vrex_\(order.number)"
        made = try await gateways.request(0, "vrc_\(order.number)").export
        before = Self.counts(gateways)
        let context = gateways.contexts[0]
        let now = gateways.time.now()
        sentAt = now
        item = try await context.engine.write { transaction in
            try context.queue.claim(
                ExportTriggerWork.kind, limit: 1, at: now, until: now + .seconds(15), in: transaction)[0]
        }
        try await takeUp()
    }

    func play() async throws {
        for step in order.steps { try await take(step) }
        // What is due is done in the end.
        for _ in 0..<3 { try await take(.check) }
        try await check()
        try await tally()
        // Nothing of it is left to the next.
        _ = try await context.engine.write { try $0.execute("DELETE FROM work_item") }
    }

    private func takeUp() async throws {
        _ = try await gateways.change(made.id) { [now] export in
            let step = export.takeUpTrigger(
                at: now, opening: nil, unknownPatience: .seconds(86_400), triggerPatience: .seconds(86_400))
            if case .settled(let consequences) = step { return consequences }
            return []
        }
    }

    private func take(_ step: OrderStep) async throws {
        gateways.time.advance(by: .seconds(1))
        switch step {
        case .answer:
            let queued = VendorWords.lateSuccess.said(0, key: key, report: made.report, targetURL: targetURL)
            let answer: ExportTriggerAnswer =
                order.answer == .taken ? .taken(queued) : .lost("the connection broke")
            try await ExportTriggerWork(context: context).settle(made.id, item, sentAt: sentAt, answer)
            expected.answered(order.answer, key: key)
        case .webhook:
            let body = Data(
                VendorWords.success.said(0, key: key, report: made.report, targetURL: targetURL).whole.text.utf8)
            let isKnown = try await gateways.domain(gateway).hooks.exportHint(
                token: made.hookToken?.reveal() ?? "", body: body)
            #expect(isKnown)
            expected.seenBy[.webhook] = expected.seenBy[.webhook] ?? now
        case .event:
            let body: JSONValue = [
                "event": "vendor_report_export.completed",
                "data": VendorWords.success.said(0, key: key, report: made.report, targetURL: targetURL).whole,
            ]
            let token = try await context.engine.write { [context] in try context.facts.makeEventsToken(in: $0) }
            let isKnown = try await gateways.domain(gateway).hooks.eventHint(token: token, body: Data(body.text.utf8))
            #expect(isKnown)
            expected.seenBy[.event] = expected.seenBy[.event] ?? now
        case .check:
            gateways.time.advance(by: .seconds(60))
            for item in try await claim(ExportCheckWork.kind) { try await ask(item) }
        case .restart:
            // What was claimed is in the hands of the dead.
            _ = try await claim(ExportCheckWork.kind)
            gateway += 1
            gateways.time.advance(by: .seconds(20))
            try await takeUp()
        }
    }

    private var targetURL: String? {
        order.showsTarget ? made.hookToken.map(context.settings.exportHookURL) : nil
    }

    private func claim(_ kind: String) async throws -> [WorkItem] {
        try await context.engine.write { [context, now] transaction in
            try context.queue.claim(kind, limit: 100, at: now, until: now + .seconds(15), in: transaction)
        }
    }

    private func ask(_ item: WorkItem) async throws {
        let work = ExportCheckWork(context: context)
        guard let key = try await work.keyToAsk(item) else {
            try await context.engine.write { [context, now] in try context.queue.complete(item, at: now, in: $0) }
            return
        }
        #expect(key == self.key)
        let said = order.words.said(asked, key: key, report: made.report, targetURL: targetURL)
        asked += 1
        let export = try await stored()
        // One that nothing ties to ours is held back while the trigger's outcome is not known.
        let isTied = export.vendorKey != nil || order.showsTarget || item.key == made.id.text
        if isTied { expected.said(said) }
        try await work.conclude(item, askedKey: key, .said(said))
        let isByPoll = item.key == made.id.text && export.seenBy.isEmpty
        if isTied, !export.status.isEnd, isByPoll, try await stored().status.isEnd { pollTold = now }
    }

    private func stored() async throws -> Export {
        try await gateways.domain(gateway).operations.export(made.id.text)
    }

    private func check() async throws {
        let export = try await stored()
        let words = Comment(rawValue: "\(order)")
        #expect(export.status == expected.status, words)
        #expect(export.vendorKey == expected.key, words)
        expected.seenBy[.poll] = pollTold
        // What the account's webhook told of a key that was never tied is known to nobody.
        if export.vendorKey == nil, !order.showsTarget { expected.seenBy[.event] = nil }
        #expect(export.seenBy == expected.seenBy, words)
        let events = try await context.engine.read { [id = made.id] transaction in
            try EventLog().events(after: 0, limit: 100_000, in: transaction).filter { $0.resource == id.text }
        }
        #expect(events.map(\.type) == expected.events.map(\.rawValue), words)
        #expect(try await gateways.rows("SELECT id FROM export").count == order.number + 1, words)
        #expect(growth(.contradiction, Self.counts(gateways)) == expected.contradictions, words)
    }

    /// The counting of channels, which comes ten minutes later.
    private func tally() async throws {
        gateways.time.advance(by: .seconds(700))
        let isCompleted = expected.events.contains(.completed)
        let items = try await claim(ExportTallyWork.kind)
        #expect(items.count == (isCompleted ? 1 : 0))
        for item in items { _ = try await ExportTallyWork(context: context).run(item) }
        let after = Self.counts(gateways)
        for channel in ExportChannel.allCases {
            let isSeen = isCompleted && expected.seenBy[channel] != nil
            let isMissed = isCompleted && expected.seenBy[channel] == nil
            #expect(growth(channel.seen, after) == (isSeen ? 1 : 0), "\(order)")
            #expect(growth(channel.missed, after) == (isMissed ? 1 : 0), "\(order)")
        }
    }

    private func growth(_ name: ExportCounters.Name, _ after: [ExportCounters.Name: Int]) -> Int {
        after[name, default: 0] - before[name, default: 0]
    }

    private static func counts(_ gateways: ExportGateways) -> [ExportCounters.Name: Int] {
        var counts: [ExportCounters.Name: Int] = [:]
        for context in gateways.contexts {
            for name in ExportCounters.Name.allCases { counts[name, default: 0] += context.counters[name] }
        }
        return counts
    }
}

/// SplitMix64
private struct SeededRandom {
    var state: UInt64

    mutating func below(_ bound: Int) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return Int((mixed ^ (mixed >> 31)) % UInt64(bound))
    }
}
