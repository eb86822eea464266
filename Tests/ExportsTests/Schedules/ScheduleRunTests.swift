import CausewayCore
import Storage
import Support
import Testing

@testable import Exports

@Suite("A schedule", .onEveryEngine)
struct ScheduleRunTests {
    @Test("asks for its report at each of its times, over both changes of the clock")
    func runs() async throws {
        let world = try await ScheduleWorld(at: "2026-03-27T12:00:00Z")
        let id = try await world.create("30 2 * * *") {
            $0.metadata = ["team": "finance"]
            $0.showUnexpanded = true
        }
        try await world.step()
        #expect(try await world.requests(id) == [])
        #expect(
            try await world.shown(id)["next_runs"] == [
                "2026-03-28T01:30:00.000Z", "2026-03-29T01:00:00.000Z", "2026-03-30T00:30:00.000Z",
                "2026-03-31T00:30:00.000Z", "2026-04-01T00:30:00.000Z",
            ])
        for time in ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"] {
            try world.advance(to: time)
            try await world.step()
            try await world.step()
        }
        try world.advance(to: "2026-10-24T12:00:00Z")
        try await world.update(id) { $0.enabled = false }
        try await world.update(id) { $0.enabled = true }
        for time in ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-26T01:30:00Z"] {
            try world.advance(to: time)
            try await world.step()
        }
        #expect(
            try await world.requests(id) == [
                "2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z", "2026-10-25T00:30:00Z",
                "2026-10-26T01:30:00Z",
            ])
        let export = try #require(try await world.exports().first)
        #expect(export.source == "api")
        #expect(export.memberEmail == "ops@example.com")
        #expect(export.showUnexpanded)
        #expect(export.metadata == ["team": "finance", "schedule": .string(id.text)])
        #expect(
            try await world.shown(id)["last_run"] == [
                "at": "2026-10-26T01:30:00.000Z", "requested_at": "2026-10-26T01:30:00.000Z",
                "export": .string(export.id.text), "error": nil,
            ])
        #expect(try await world.missed().isEmpty)
    }

    @Test("that was missed is caught up once, and an event says since when and how often")
    func missed() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T12:00:00Z")
        let id = try await world.create("0 6 * * *", "UTC")
        try world.advance(to: "2026-06-05T09:00:00Z")
        try await world.step()
        try await world.step()
        #expect(try await world.requests(id) == ["2026-06-05T09:00:00Z"])
        let event = try #require(try await world.missed().first)
        #expect(try await world.missed().count == 1)
        #expect(event["since"] == "2026-06-02T06:00:00.000Z")
        #expect(event["missed"] == 4)
        #expect(event["run"]?["at"] == "2026-06-05T06:00:00.000Z")
        #expect(event["schedule"]?["id"] == .string(id.text))
        #expect(event["schedule"]?["next_runs"]?.array?.first == "2026-06-06T06:00:00.000Z")
        // Its next time is its own again.
        try world.advance(to: "2026-06-06T06:00:00Z")
        try await world.step()
        #expect(try await world.requests(id).count == 2)
        #expect(try await world.missed().count == 1)
    }

    @Test("is not missed within the grace; of several times that went by only the last has a run")
    func grace() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T05:59:00Z")
        let daily = try await world.create("0 6 * * *", "UTC")
        let often = try await world.create("*/30 * * * *", "UTC")
        try world.advance(to: "2026-06-01T06:05:00Z")
        try await world.step()
        #expect(try await world.missed().isEmpty)
        try world.advance(to: "2026-06-01T07:31:00Z")
        try await world.step()
        #expect(try await world.requests(daily).count == 1)
        #expect(try await world.requests(often).count == 2)
        let event = try #require(try await world.missed().first)
        #expect(event["missed"] == 2, "06:30 and 07:00; 07:30 was there in time")
        #expect(event["since"] == "2026-06-01T06:30:00.000Z")
        #expect(event["run"]?["at"] == "2026-06-01T07:30:00.000Z")
        try world.advance(to: "2026-06-01T08:05:00.001Z")
        try await world.step()
        #expect(try await world.missed().count == 2, "a moment more than the grace")
    }

    @Test("that is disabled does not run; enabled again it goes on with its next time")
    func disabling() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T12:00:00Z")
        let id = try await world.create("0 6 * * *", "UTC") { $0.enabled = false }
        #expect(try await world.itemCount() == 0)
        try world.advance(to: "2026-06-03T12:00:00Z")
        try await world.step()
        #expect(try await world.shown(id)["next_runs"] == [])
        try await world.update(id) { $0.enabled = true }
        try await world.step()
        #expect(try await world.requests(id) == [])
        try world.advance(to: "2026-06-04T06:00:00Z")
        // Disabled between the claim and the run.
        let items = try await world.claim()
        try await world.update(id) { $0.enabled = false }
        for item in items { _ = try await world.work.run(item) }
        #expect(try await world.requests(id) == [])
        try await world.step()
        #expect(try await world.itemCount() == 0)
        try await world.update(id) { $0.enabled = true }
        try world.advance(to: "2026-06-05T06:00:00Z")
        try await world.step()
        #expect(try await world.requests(id) == ["2026-06-05T06:00:00Z"])
        #expect(try await world.missed().isEmpty)
    }

    @Test("whose times are changed runs at the new ones; another change leaves them")
    func changing() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T05:00:00Z")
        let id = try await world.create("0 6 * * *", "UTC")
        try await world.update(id) { $0.cron = "30 5 * * *" }
        try world.advance(to: "2026-06-01T05:30:00Z")
        try await world.step()
        #expect(try await world.requests(id) == ["2026-06-01T05:30:00Z"], "earlier than it was")
        try await world.update(id) { $0.timeZone = "America/New_York" }
        try world.advance(to: "2026-06-01T09:30:00Z")
        try await world.update(id) {
            $0.report = "vrc_2"
            $0.cron = "30 5 * * *"
        }
        try await world.step()
        #expect(try await world.requests(id) == ["2026-06-01T05:30:00Z", "2026-06-01T09:30:00Z"])
        #expect(try await world.exports().first?.report == "vrc_2")
        try await world.update(id) { $0.cron = "0 23 * * *" }
        try world.advance(to: "2026-06-02T09:30:00Z")
        try await world.step()
        #expect(try await world.requests(id).count == 3, "its time was 03:00 UTC")
        #expect(try await world.missed().count == 1)
    }

    @Test("that is deleted is gone, with its work; its exports stay")
    func deleting() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T05:00:00Z")
        let id = try await world.create("0 6 * * *", "UTC")
        try world.advance(to: "2026-06-01T06:00:00Z")
        try await world.step()
        try world.advance(to: "2026-06-02T06:00:00Z")
        let items = try await world.claim()
        try await world.operations.delete(id) { _, _ in }
        for item in items { _ = try await world.work.run(item) }
        await #expect(throws: ScheduleError.notFound) { _ = try await world.operations.schedule(id) }
        await #expect(throws: ScheduleError.notFound) { try await world.operations.delete(id) { _, _ in } }
        #expect(try await world.requests(id) == ["2026-06-01T06:00:00Z"])
        #expect(try await world.exports().count == 1)
        #expect(try await world.itemCount() == 0)
    }

    @Test("for which no member is configured any more says so, and goes on")
    func memberMissing() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T05:00:00Z", member: nil)
        let refused = await #expect(throws: ScheduleError.self) { _ = try await world.create("0 6 * * *", "UTC") }
        guard case .invalid(let mistakes) = refused else { return }
        #expect(mistakes.map(\.code) == ["required"])
        let id = try await world.create("0 6 * * *", "UTC") { $0.memberEmail = "ops@example.com" }
        _ = try await world.engine.write { transaction in
            try transaction.execute("UPDATE export_schedule SET member_email = NULL WHERE id = \(id)")
        }
        try world.advance(to: "2026-06-01T06:00:00Z")
        try await world.step()
        let run = try #require(try await world.shown(id)["last_run"])
        #expect(run["export"] == .null)
        #expect(run["error"]?["code"] == "member_missing")
        #expect(try await world.shown(id)["next_runs"]?.array?.first == "2026-06-02T06:00:00.000Z")
        // It can be mended.
        try await world.update(id) { $0.enabled = true }
        try await world.update(id) { $0.memberEmail = "ops@example.com" }
        try world.advance(to: "2026-06-02T06:00:00Z")
        try await world.step()
        #expect(try await world.requests(id).count == 1)
    }
}
