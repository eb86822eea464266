import CausewayCore
import Testing

@testable import Fanout

@Suite("How an endpoint fares")
struct LaneHealthTests {
    private let start = Timestamp(milliseconds: 1_700_000_000_000)

    @Test("three failures in a row slow it down, successes double its pace with each round, up to all it allows itself")
    func pace() {
        var health = LaneHealth()
        health.fail(at: start)
        health.fail(at: start)
        #expect(health.pace == 0)
        health.fail(at: start)
        #expect(health.pace == 1)
        var rounds: [Int] = []
        while health.isPaced {
            rounds.append(health.pace)
            for _ in 0..<health.pace where health.isPaced { health.succeed(maxInFlight: 20, at: start) }
        }
        #expect(rounds == [1, 2, 4, 8, 16])
    }

    @Test("one that hangs is slowed down at once: each of its attempts keeps a place for long")
    func hanging() {
        var health = LaneHealth()
        health.fail(hanging: true, at: start)
        #expect(health == LaneHealth(pace: 1, failures: 1, failingSince: start))
        #expect(health.standing == .failing)
        health.succeed(maxInFlight: 10, at: start)
        #expect(health.standing == .trying)
    }

    @Test("a failure while it recovers halves its pace; now and then one among successes does nothing")
    func halved() {
        var health = LaneHealth(pace: 8)
        health.fail(at: start)
        #expect(health.pace == 4)
        var well = LaneHealth()
        for _ in 0..<10 {
            well.fail(at: start)
            well.fail(at: start)
            well.succeed(maxInFlight: 10, at: start)
        }
        #expect(well == LaneHealth())
    }

    @Test("the clock starts with the first failure since the last success")
    func clock() {
        var health = LaneHealth()
        health.fail(at: start)
        health.fail(at: start + .seconds(5))
        #expect(health.failingSince == start)
        health.succeed(maxInFlight: 10, at: start + .seconds(6))
        #expect(health.failingSince == nil)
        health.fail(at: start + .seconds(7))
        #expect(health.failingSince == start + .seconds(7))
    }

    @Test("only a probe tells that a disabled one answers, not what was under way when it was disabled")
    func answers() {
        var health = LaneHealth(probeAt: start + .seconds(60))
        health.succeed(maxInFlight: 10, at: start)
        #expect(health.answersSince == nil)
        health.succeed(maxInFlight: 10, isProbe: true, at: start + .seconds(60))
        #expect(health.answersSince == start + .seconds(60))
    }

    @Test("disabling is announced after half of the time, and done no sooner than the other half after that")
    func rule() {
        let rule = DisablingRule(after: .seconds(100))
        var health = LaneHealth(failingSince: start)
        #expect(rule.consequence(of: health, at: start + .seconds(49)) == .none)
        #expect(rule.consequence(of: health, at: start + .seconds(50)) == .announce)
        // Nothing was sent for long: it is announced all the same, before anything is disabled.
        #expect(rule.consequence(of: health, at: start + .seconds(500)) == .announce)
        health.warnedAt = start + .seconds(50)
        #expect(rule.consequence(of: health, at: start + .seconds(99)) == .none)
        #expect(rule.consequence(of: health, at: start + .seconds(100)) == .disable)
        health.warnedAt = start + .seconds(500)
        #expect(rule.consequence(of: health, at: start + .seconds(549)) == .none)
        #expect(rule.consequence(of: health, at: start + .seconds(550)) == .disable)
        #expect(rule.consequence(of: LaneHealth(), at: start) == .none)
    }
}
