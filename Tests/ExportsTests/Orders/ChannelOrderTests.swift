import CausewayCore
import Testing
import Vendor

@testable import Exports

@Suite("The state machine of an export, in every order of what can come in")
struct ChannelOrderTests {
    private static let start = Timestamp(milliseconds: 1_700_000_000_000)
    private static let key = "vrex_1"

    /// An export after some steps, and what it should be then. Orders with a common beginning share it.
    private struct Node {
        var export: Export
        var expected = OrderExpectation()
        var published: [ExportEventType] = []
        var contradictions = 0
        var now = start
        var steps: [OrderStep] = []
        var asked = 0
    }

    @Test(
        "Each step leads where the first end told leads: nothing goes back, each event is told once",
        arguments: OrderAnswer.allCases, VendorWords.allCases)
    func everyOrder(_ answer: OrderAnswer, _ words: VendorWords) {
        var export = Export.requested(
            id: ExportID(at: Self.start), report: "vrc_1", memberEmail: "ops@example.com", showUnexpanded: false,
            hookToken: Secret("token"), at: Self.start)
        _ = Self.takeUp(&export, at: Self.start)
        var orders = 0
        var wrong: [String] = []
        walk(Node(export: export), answer, words, &orders, &wrong)
        #expect(orders > 8000)
        #expect(wrong.isEmpty, "\(wrong.count) orders, such as \(wrong.prefix(3).joined(separator: "; "))")
    }

    /// All orders of up to six steps, in each of which anything may be missing, late or come again.
    private func walk(
        _ node: Node, _ answer: OrderAnswer, _ words: VendorWords, _ orders: inout Int, _ wrong: inout [String]
    ) {
        guard node.steps.count < 6 else { return }
        for step in OrderStep.allCases where step != .answer || !node.steps.contains(.answer) {
            var next = node
            take(step, &next, answer, words)
            orders += 1
            if let mistake = mistake(in: next, after: node) {
                wrong.append("\(next.steps): \(mistake)")
            } else {
                walk(next, answer, words, &orders, &wrong)
            }
        }
    }

    private func take(_ step: OrderStep, _ node: inout Node, _ answer: OrderAnswer, _ words: VendorWords) {
        node.steps.append(step)
        node.now = node.now + .seconds(1)
        let now = node.now
        var consequences: [ExportConsequence] = []
        switch step {
        case .answer:
            switch answer {
            case .taken:
                let said = VendorWords.lateSuccess.said(0, key: Self.key)
                consequences = node.export.triggerAnswered(said, at: now)
            case .lost: node.export.triggerLost("the connection broke")
            case .refused:
                consequences = node.export.triggerRefused(ExportError(code: "vendor_refused", message: "no"), at: now)
            }
            node.expected.answered(answer, key: Self.key)
        case .webhook, .event:
            let channel: ExportChannel = step == .webhook ? .webhook : .event
            node.export.hinted(by: channel, key: Self.key, at: now)
            node.expected.seenBy[channel] = node.expected.seenBy[channel] ?? now
        case .check:
            // Without a key there is nothing to ask for.
            guard node.export.vendorKey ?? node.export.claimedKey != nil else { return }
            let said = words.said(node.asked, key: Self.key)
            node.asked += 1
            consequences = node.export.vendorSays(said, at: now)
            node.expected.said(said)
        case .restart:
            if case .settled(let following) = Self.takeUp(&node.export, at: now) { consequences = following }
        }
        for consequence in consequences {
            switch consequence {
            case .publish(let type): node.published.append(type)
            case .contradiction: node.contradictions += 1
            }
        }
    }

    private static func takeUp(_ export: inout Export, at now: Timestamp) -> Export.TriggerStep {
        export.takeUpTrigger(
            at: now, opening: nil, unknownPatience: .seconds(2700), triggerPatience: .seconds(86_400))
    }

    /// What is not as it should be; nil where all is.
    private func mistake(in node: Node, after before: Node) -> String? {
        let (export, expected) = (node.export, node.expected)
        if export.status != expected.status { return "\(export.status), and not \(expected.status)" }
        if Self.rank(export.status) < Self.rank(before.export.status) { return "it went back to \(export.status)" }
        if node.published != expected.events { return "\(node.published) were told, and not \(expected.events)" }
        if Set(node.published).count != node.published.count { return "told twice" }
        if export.vendorKey != expected.key { return "tied to \(export.vendorKey ?? "nothing")" }
        if export.seenBy != expected.seenBy { return "seen by \(export.seenBy), and not \(expected.seenBy)" }
        if node.contradictions != expected.contradictions { return "\(node.contradictions) contradictions" }
        if export.vendorKey != nil, export.triggerState != .idle { return "its trigger is \(export.triggerState)" }
        if export.vendorKey != nil, export.error?.code == "outcome_unknown" { return "its outcome is known" }
        if export.status.isEnd != (export.completedAt != nil) { return "its end has no time, or a time no end" }
        return nil
    }

    private static func rank(_ status: ExportStatus) -> Int {
        switch status {
        case .requested, .deferred: 0
        case .queued: 1
        case .success, .failure, .cancelled: 2
        case .expired: 3
        }
    }
}
