import CausewayCore
import Storage
import Support
import Synchronization
import Testing
import WorkQueue

@testable import Exports

@Suite("A schedule's time", .onEveryEngine)
struct ScheduleOnceTests {
    @Test("does not come again when the clock is set back, whatever is changed meanwhile")
    func clockSetBack() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T05:59:00Z")
        let id = try await world.create("0 6 * * *", "UTC")
        try world.advance(to: "2026-06-01T06:00:01Z")
        try await world.step()
        try world.advance(to: "2026-06-01T05:00:00Z")
        #expect(try await world.shown(id)["next_runs"]?.array?.first == "2026-06-02T06:00:00.000Z")
        try await world.update(id) { $0.enabled = false }
        try await world.update(id) { $0.enabled = true }
        try await world.update(id) { $0.timeZone = "Etc/UTC" }
        for time in ["2026-06-01T05:30:00Z", "2026-06-01T06:00:00Z", "2026-06-01T06:00:02Z"] {
            try world.advance(to: time)
            try await world.step()
        }
        #expect(try await world.requests(id) == ["2026-06-01T06:00:01Z"])
        try world.advance(to: "2026-06-02T06:00:00Z")
        try await world.step()
        #expect(try await world.requests(id).count == 2)
        #expect(try await world.missed().isEmpty)
    }

    @Test("that a gateway dies at before its commit has done nothing, and runs once all the same")
    func killed() async throws {
        struct Killed: Error {}
        let lives = Mutex(2)
        let world = try await ScheduleWorld(at: "2026-06-01T05:00:00Z") { _, _ in
            let isKilled = lives.withLock { lives in
                lives -= 1
                return lives >= 0
            }
            if isKilled { throw Killed() }
        }
        let id = try await world.create("0 6 * * *", "UTC")
        try world.advance(to: "2026-06-01T06:00:00Z")
        for _ in 0..<2 {
            await #expect(throws: Killed.self) { try await world.step() }
            #expect(try await world.exports().isEmpty)
            #expect(try await world.shown(id)["last_run"] == .null)
            // The item is the dead one's until its lease ends.
            try await world.step()
            #expect(try await world.exports().isEmpty)
            world.time.advance(by: .seconds(16))
        }
        try await world.step()
        try await world.step()
        #expect(try await world.requests(id) == ["2026-06-01T06:00:32Z"])
        #expect(try await world.missed().isEmpty)
    }

    @Test("is not run again by a gateway that slept past its lease")
    func lostLease() async throws {
        let world = try await ScheduleWorld(at: "2026-06-01T05:00:00Z")
        let other = try world.another()
        let id = try await world.create("0 6 * * *", "UTC")
        try world.advance(to: "2026-06-01T06:00:00Z")
        let slept = try await world.claim()
        #expect(slept.count == 1)
        world.time.advance(by: .seconds(16))
        let taken = try await other.claim()
        #expect(taken.count == 1)
        // Woken before the other has run it, and after.
        for item in slept {
            await #expect(throws: WorkQueueError.self) { _ = try await world.work.run(item) }
        }
        for item in taken { _ = try await other.work.run(item) }
        for item in slept {
            await #expect(throws: WorkQueueError.self) { _ = try await world.work.run(item) }
        }
        #expect(try await world.requests(id) == ["2026-06-01T06:00:16Z"])
    }

    @Test("runs once for each of its times with several gateways at work")
    func severalGateways() async throws {
        let hasRun: SignalTopic = "test.schedule.run"
        let world = try await ScheduleWorld(at: "2026-06-01T12:00:00Z") { $1.signal(hasRun) }
        let other = try world.another()
        var ids: [ScheduleID] = []
        for number in 0..<30 {
            ids.append(try await world.create("0 6 * * *", "UTC") { $0.report = "vrc_\(number % 10)" })
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for gateway in [world, other, try world.another()] { group.addTask { try await gateway.serve() } }
            for day in 2...5 {
                try world.advance(to: "2026-06-0\(day)T06:00:00Z")
                try await world.engine.signals.withSubscription(to: [hasRun]) { signal in
                    for id in ids {
                        while try await world.requests(id).count < day - 1 {
                            // Another gateway's signal may not come here: looked at every two seconds besides.
                            let time = SystemTimeSource()
                            _ = try await signal.next(until: time.now() + .seconds(2), by: time)
                        }
                    }
                }
            }
            group.cancelAll()
            while let ended = await group.nextResult() {
                if case .failure(let error) = ended, !(error is CancellationError) { throw error }
            }
        }
        for id in ids {
            #expect(try await world.requests(id) == (2...5).map { "2026-06-0\($0)T06:00:00Z" })
        }
        #expect(try await world.missed().isEmpty)
        let exports = try await world.exports()
        #expect(exports.count == 10, "requests alike are one export")
        #expect(exports.allSatisfy { $0.requests == 12 })
    }
}
