import CausewayCore
import Storage
import Support
import Testing

@testable import Exports

extension StoreCase {
    static let schedules = StoreCase(name: "Schedules") { engine async throws in
        let store = ScheduleStore()
        var terms = ScheduleTerms()
        terms.report = "vrc_1"
        terms.cron = "0 6 * * *"
        terms.metadata = ["team": "ü"]
        let plain = Schedule(id: ScheduleID(at: start), terms: terms, createdAt: start, nextAt: start)
        terms.report = "vrc_2"
        terms.memberEmail = "ops@example.com"
        terms.showUnexpanded = true
        terms.enabled = false
        terms.description = "d"
        let full = Schedule(id: ScheduleID(at: start + .seconds(1)), terms: terms, createdAt: start)
        try await engine.write { transaction throws in
            for schedule in [plain, full] { try store.insert(schedule, in: transaction) }
            #expect(try store.locked(plain.id, in: transaction) == plain)
            var ran = full
            ran.lastRun = ScheduleRun(
                at: start, requestedAt: start + .seconds(1), export: ExportID(at: start),
                error: ExportError(code: "c", message: "m"))
            ran.terms.cron = "@daily"
            try store.update(ran, in: transaction)
            #expect(try store.schedule(full.id, in: transaction) == ran)
        }
        try await engine.read { transaction throws in
            func found(_ page: PageRequest, _ report: [String] = [], _ enabled: [Bool] = []) throws -> [ScheduleID] {
                try store.list(page, report: report, enabled: enabled, in: transaction).elements.map(\.id)
            }
            #expect(try found(PageRequest()) == [full.id, plain.id])
            #expect(try found(PageRequest(after: full.id.text)) == [plain.id])
            #expect(try found(PageRequest(), ["vrc_2"]) == [full.id])
            #expect(try found(PageRequest(), [], [true]) == [plain.id])
        }
        try await engine.write { transaction throws in
            try store.delete(plain.id, in: transaction)
            #expect(try store.schedule(plain.id, in: transaction) == nil)
        }
    }
}
