import CausewayCore
import Testing
import Vendor

@testable import Exports

@Suite("The state machine of an export")
struct StateMachineTests {
    private static let start = Timestamp(milliseconds: 1_700_000_000_000)

    private static func sent() -> Export {
        var export = Export.requested(
            id: ExportID(at: start), report: "vrc_1", memberEmail: "ops@example.com", showUnexpanded: false,
            hookToken: Secret("token"), at: start)
        #expect(take(&export) == .send)
        return export
    }

    private static func take(
        _ export: inout Export, at now: Timestamp = start, opening: Timestamp? = nil
    ) -> Export.TriggerStep {
        export.takeUpTrigger(
            at: now, opening: opening, unknownPatience: .seconds(2700), triggerPatience: .seconds(86_400))
    }

    /// Mutating calls cannot stand in an expectation themselves.
    private static func on<Result>(_ export: inout Export, _ change: (inout Export) -> Result) -> Result {
        change(&export)
    }

    private static func said(_ status: String, key: String = "vrex_1", createdAt: Int64? = nil) -> VendorExport {
        var members: [String: JSONValue] = [
            "key": .string(key), "status": .string(status), "vendor_report_configuration_key": "vrc_1",
        ]
        if let createdAt { members["created_at"] = .integer(createdAt) }
        guard let export = VendorExport(.object(members)) else { preconditionFailure("no export") }
        return export
    }

    private static func rank(_ status: ExportStatus) -> Int {
        switch status {
        case .requested, .deferred: 0
        case .queued: 1
        case .success, .failure, .cancelled: 2
        case .expired: 3
        }
    }

    @Test("Whatever the vendor says after another, no status goes backwards and no event is published twice")
    func contradictions() {
        let words = ["queued", "success", "failure", "expired", "cooking"]
        for first in words {
            for second in words {
                for third in words {
                    for fourth in words {
                        var export = Self.sent()
                        var published: [ExportEventType] = []
                        var ranks: [Int] = []
                        for word in [first, second, third, fourth] {
                            for consequence in export.vendorSays(Self.said(word), at: Self.start) {
                                if case .publish(let type) = consequence { published.append(type) }
                            }
                            ranks.append(Self.rank(export.status))
                        }
                        #expect(ranks == ranks.sorted())
                        #expect(Set(published).count == published.count)
                        #expect(!(published.contains(.completed) && published.contains(.failed)))
                    }
                }
            }
        }
    }

    @Test("A failure after a success is a contradiction, and changes nothing")
    func failureAfterSuccess() {
        var export = Self.sent()
        _ = export.vendorSays(Self.said("success"), at: Self.start)
        let before = export
        let consequences = export.vendorSays(Self.said("failure"), at: Self.start)
        #expect(export == before)
        guard case .contradiction = consequences.first else {
            Issue.record("\(consequences)")
            return
        }
    }

    @Test("A second vendor's export for one trigger is a contradiction")
    func twoKeys() {
        var export = Self.sent()
        _ = export.triggerAnswered(Self.said("queued"), at: Self.start)
        let consequences = export.vendorSays(Self.said("success", key: "vrex_2"), at: Self.start)
        #expect(export.vendorKey == "vrex_1")
        #expect(export.status == .queued)
        guard case .contradiction = consequences.first else {
            Issue.record("\(consequences)")
            return
        }
    }

    @Test("A trigger found half-way is never sent again: it waits for a hint, and fails when none comes")
    func halfWay() {
        var export = Self.sent()
        let later = Self.start + .seconds(10)
        #expect(Self.take(&export, at: later) == .wait(until: Self.start + .seconds(2700)))
        #expect(export.triggerState == .unknown)
        #expect(export.error?.code == "outcome_unknown")
        #expect(Self.take(&export, at: Self.start + .seconds(2700)) == .settled([.publish(.failed)]))
        #expect(export.status == .failure)
        #expect(export.slotAt != nil, "the vendor may count it")
    }

    @Test("Where it is set, a trigger found half-way goes out once more, and once only")
    func asksAgain() {
        func take(_ export: inout Export, _ seconds: Int) -> Export.TriggerStep {
            export.takeUpTrigger(
                at: Self.start + .seconds(seconds), opening: nil, unknownPatience: .seconds(2700),
                asksAgainWithin: .seconds(60)..<Duration.seconds(7200), triggerPatience: .seconds(86_400))
        }
        var export = Self.sent()
        #expect(take(&export, 1) == .wait(until: Self.start + .seconds(60)))
        #expect(take(&export, 60) == .send)
        #expect(take(&export, 61) == .wait(until: Self.start + .seconds(2700)), "died again")
        #expect(take(&export, 2700) == .settled([.publish(.failed)]))

        var taken = Self.sent()
        _ = take(&taken, 60)
        let limit = ExportError(code: "limited", message: "429")
        let opening = Self.start + .seconds(7200)
        #expect(Self.on(&taken) { $0.triggerLimited(until: opening, limit, at: Self.start) }.isEmpty)
        #expect(taken.status == .requested && taken.triggerState == .unknown)
        #expect(take(&taken, 120) == .wait(until: Self.start + .seconds(2700)))
    }

    @Test("A trigger that was not taken goes out again; after a 5xx a 429 means that it was taken after all")
    func serverFailure() {
        var export = Self.sent()
        let error = ExportError(code: "vendor_failing", message: "500")
        export.triggerNotTaken(error, isCertain: true, at: Self.start)
        #expect(export.error == error)
        #expect(Self.take(&export) == .send)
        export.triggerNotTaken(error, isCertain: false, at: Self.start)
        #expect(Self.take(&export) == .send)
        let consequences = export.triggerLimited(
            until: Self.start + .seconds(7200), ExportError(code: "limited", message: "429"), at: Self.start)
        #expect(consequences.isEmpty)
        #expect(export.status == .requested)
        #expect(export.triggerState == .unknown)
        #expect(Self.take(&export) == .wait(until: Self.start + .seconds(2700)))
        _ = export.vendorSays(Self.said("success"), at: Self.start)
        #expect(export.status == .success)
        #expect(export.error == nil)
    }

    @Test("A 429 defers, and gives the place in the limits back; who would not wait fails")
    func limited() {
        let opening = Self.start + .seconds(7200)
        var export = Self.sent()
        let error = ExportError(code: "limited", message: "429")
        #expect(Self.on(&export) { $0.triggerLimited(until: opening, error, at: Self.start) }.isEmpty)
        #expect(export.status == .deferred)
        #expect(export.notBefore == opening)
        #expect(export.slotAt == nil)
        #expect(Self.take(&export) == .wait(until: opening))
        #expect(Self.take(&export, at: opening) == .send)
        #expect(export.status == .requested)

        var impatient = Export.requested(
            id: ExportID(at: Self.start), report: "vrc_1", memberEmail: "m", showUnexpanded: false,
            whenLimited: .fail, hookToken: Secret("t"), at: Self.start)
        #expect(Self.take(&impatient) == .send)
        #expect(Self.on(&impatient) { $0.triggerLimited(until: opening, error, at: Self.start) } == [.publish(.failed)])
        #expect(impatient.status == .failure)
    }

    @Test("Tries end after their patience, counted from the first that was not taken")
    func patience() {
        var export = Self.sent()
        export.triggerNotTaken(ExportError(code: "vendor_unreachable", message: ""), isCertain: true, at: Self.start)
        #expect(Self.take(&export, at: Self.start + .seconds(86_399)) == .send)
        export.triggerNotTaken(ExportError(code: "vendor_unreachable", message: ""), isCertain: true, at: Self.start)
        #expect(Self.take(&export, at: Self.start + .seconds(86_400)) == .settled([.publish(.failed)]))
        #expect(export.error?.code == "vendor_unreachable")
    }

    @Test("The last request withdrawn cancels, unless the vendor has the export or may have it")
    func withdraw() {
        var two = Export.requested(
            id: ExportID(at: Self.start), report: "vrc_1", memberEmail: "m", showUnexpanded: false,
            hookToken: Secret("t"), at: Self.start)
        two.join(whenLimited: .defer)
        #expect(Self.on(&two) { $0.withdraw(1, at: Self.start) })
        #expect(two.status == .requested)
        #expect(Self.on(&two) { $0.withdraw(1, at: Self.start) })
        #expect(two.status == .cancelled)
        #expect(two.slotAt == nil)
        #expect(Self.take(&two) == .settled([]))

        var sending = Self.sent()
        #expect(!Self.on(&sending) { $0.withdraw(1, at: Self.start) })
        var doubted = Self.sent()
        doubted.triggerNotTaken(ExportError(code: "x", message: ""), isCertain: false, at: Self.start)
        #expect(!Self.on(&doubted) { $0.withdraw(1, at: Self.start) })
        var queued = Self.sent()
        _ = queued.triggerAnswered(Self.said("queued"), at: Self.start)
        #expect(!Self.on(&queued) { $0.withdraw(1, at: Self.start) })
    }

    @Test("An answer that comes after a hint has told the end changes nothing")
    func lateAnswer() {
        var export = Self.sent()
        _ = export.vendorSays(Self.said("success"), at: Self.start)
        let before = export
        #expect(Self.on(&export) { $0.triggerAnswered(Self.said("queued"), at: Self.start) }.isEmpty)
        export.triggerLost("late")
        #expect(export == before)
    }

    @Test("The vendor's date counts for its limits")
    func slot() {
        var export = Self.sent()
        let createdAt = Self.start.milliseconds + 5000
        _ = export.triggerAnswered(Self.said("queued", createdAt: createdAt), at: Self.start + .seconds(9))
        #expect(export.slotAt == Timestamp(milliseconds: createdAt))
    }
}
