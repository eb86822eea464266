import CausewayCore
import Events
import Exports
import Storage
import Support
import Testing
import Vendor
import VendorSimulator

@Suite("Asking for exports", .onEveryEngine)
struct RequestTests {
    @Test("Two hundred requests alike at once are one export and one trigger")
    func coalescing() async throws {
        try await ExportWorld.with(.quick { $0.hold = true }) { world in
            let ways = try await withThrowingTaskGroup(of: RequestedExport.self) { group in
                for number in 0..<200 {
                    group.addTask { try await world.request { $0.caller = "key_\(number)" } }
                }
                return try await group.reduce(into: [RequestedExport]()) { $0.append($1) }
            }
            #expect(Set(ways.map(\.export.id)).count == 1)
            #expect(ways.filter { $0.way == .made }.count == 1)
            let export = try await world.settled(ways[0].export.id, .queued)
            #expect(export.requests == 200)
            let sent = try await world.requests("trigger")
            #expect(sent == 1)
        }
    }

    @Test("A young success answers within max_age; without it a new one is asked for, and waits for the window")
    func maxAge() async throws {
        try await ExportWorld.with { world in
            let id = try await world.request().export.id
            _ = try await world.settled(id, .success)
            let found = try await world.request { $0.maxAge = .seconds(60) }
            #expect(found.way == .found)
            #expect(found.export.id == id)
            #expect(found.export.requests == 1)
            let other = try await world.request {
                $0.maxAge = .seconds(60)
                $0.showUnexpanded = true
            }
            #expect(other.way == .made)
            #expect(other.export.status == .deferred, "the vendor counts report and member alone")
            let joined = try await world.request { $0.showUnexpanded = true }
            #expect(joined.way == .joined)
            #expect(joined.export.requests == 2)
            let limited = await #expect(throws: ExportOperationError.self) {
                _ = try await world.request { $0.whenLimited = .fail }
            }
            #expect(limited?.code == "limited")
        }
    }

    @Test("Only so many exports of one member are sent in a window")
    func memberLimit() async throws {
        try await ExportWorld.with(.quick { $0.limitPerMember = 2 }) {
            $0.limits.perMember = 2
        } _: { world in
            for report in ["vrc_123456", "vrc_123457"] {
                let id = try await world.request(report).export.id
                _ = try await world.settled(id, .success)
            }
            let third = try await world.request("vrc_123458")
            #expect(third.export.status == .deferred)
            let others = try await world.request("vrc_123458") { $0.memberEmail = "finance@example.com" }
            #expect(try await world.settled(others.export.id).status == .success)
            let sent = try await world.requests("trigger")
            #expect(sent == 3)
        }
    }

    @Test("What is recorded with a request stands or falls with it")
    func recording() async throws {
        struct Refused: Error {}
        try await ExportWorld.with(works: false) { world in
            await #expect(throws: Refused.self) {
                _ = try await world.domain.operations.request(ExportRequest(report: "vrc_1", caller: "k")) { _, _ in
                    throw Refused()
                }
            }
            let all = try await world.domain.operations.list(PageRequest())
            #expect(all.elements.isEmpty)
        }
    }

    @Test("A request that cannot be right is told what is wrong")
    func mistakes() async throws {
        try await ExportWorld.with(settings: { $0.memberEmail = nil }, works: false) { world in
            let error = await #expect(throws: ExportOperationError.self) {
                _ = try await world.request("") {
                    $0.metadata = "text"
                    $0.maxAge = .seconds(-1)
                }
            }
            guard case .invalid(let mistakes) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(Set(mistakes.map(\.field)) == ["report", "member_email", "max_age", "metadata"])
        }
    }

    @Test("Each caller withdraws its own request; the last cancels what has not reached the vendor")
    func cancelling() async throws {
        try await ExportWorld.with(works: false) { world in
            let operations = world.domain.operations
            let id = try await world.request().export.id.text
            _ = try await world.request { $0.caller = "key_2" }
            #expect(try await operations.cancel(id, caller: "key_1").requests == 1)
            #expect(try await operations.cancel(id, caller: "key_1").requests == 1, "again: the same answer")
            let stranger = await #expect(throws: ExportOperationError.self) {
                _ = try await operations.cancel(id, caller: "key_3")
            }
            #expect(stranger?.code == "not_requested_by_caller")
            #expect(try await operations.cancel(id, caller: "key_2").status == .cancelled)
            let again = try await world.request()
            #expect(again.way == .made, "a cancelled one takes no place")
            #expect(again.export.status == .requested)
            #expect(try await operations.cancel(again.export.id.text, caller: nil).status == .cancelled)
            let unknown = await #expect(throws: ExportOperationError.self) {
                _ = try await operations.cancel("exp_none", caller: nil)
            }
            #expect(unknown?.code == "not_found")
        }
        try await ExportWorld.with(.quick { $0.hold = true }) { world in
            let id = try await world.request().export.id
            _ = try await world.settled(id, .queued)
            let late = await #expect(throws: ExportOperationError.self) {
                _ = try await world.domain.operations.cancel(id.text, caller: "key_1")
            }
            #expect(late?.code == "already_at_vendor")
        }
    }

    @Test("A wait ends when the export stands still, or when its time is over")
    func waiting() async throws {
        try await ExportWorld.with { world in
            let id = try await world.request().export.id
            let export = try await world.domain.operations.export(
                id.text, waitingUntil: SystemTimeSource().now() + patience)
            #expect(export.status == .success)
        }
        try await ExportWorld.with(works: false) { world in
            let id = try await world.request().export.id
            let before = SystemTimeSource().now()
            let export = try await world.domain.operations.export(id.text, waitingUntil: before + .milliseconds(100))
            #expect(export.status == .requested)
            #expect(SystemTimeSource().now() < before + patience)
        }
    }

    @Test("The list is newest first, filtered by any of several values, and goes on where it stopped")
    func listing() async throws {
        try await ExportWorld.with(works: false) { world in
            for number in 0..<5 { _ = try await world.request("vrc_\(number)") }
            let operations = world.domain.operations
            let first = try await operations.list(PageRequest(limit: 2))
            let second = try await operations.list(PageRequest(limit: 2, after: first.next))
            let third = try await operations.list(PageRequest(limit: 2, after: second.next))
            #expect(third.next == nil)
            let ids = (first.elements + second.elements + third.elements).map(\.id.text)
            #expect(ids.count == 5)
            #expect(ids == ids.sorted(by: >))
            let some = try await operations.list(
                PageRequest(), status: [.requested, .deferred], report: ["vrc_1", "vrc_4"], source: ["api"])
            #expect(Set(some.elements.map(\.report)) == ["vrc_4", "vrc_1"])
            #expect(some.next == nil)
            #expect(try await operations.list(PageRequest(), status: [.success]).elements.isEmpty)
        }
    }
}
