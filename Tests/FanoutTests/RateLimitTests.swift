import CausewayCore
import Testing

@testable import Fanout

@Suite("Attempts a second")
struct RateLimitTests {
    private let start = Timestamp(milliseconds: 1_700_000_000_000)

    /// How many go in ten seconds where as many are always wanted, looked at every `step` milliseconds.
    private func attempts(perSecond: Int, step: Int) -> [Timestamp] {
        var next: Int64 = 0
        var times: [Timestamp] = []
        for offset in stride(from: 0, to: 10_000, by: step) {
            let now = start + .milliseconds(offset)
            var rate = RateLimit(perSecond: perSecond, next: next)
            let count = rate.available(at: now)
            rate.take(count, at: now)
            next = rate.next
            times += Array(repeating: now, count: count)
        }
        return times
    }

    @Test("are as many as allowed, and in no second more than a tenth above", arguments: [1, 3, 10, 100, 999, 1000])
    func rate(perSecond: Int) {
        let times = attempts(perSecond: perSecond, step: 1)
        #expect((perSecond * 10...perSecond * 10 + perSecond / 10 + 1).contains(times.count))
        for first in times.indices {
            let end = times[first] + .seconds(1)
            #expect(times[first...].prefix { $0 < end }.count <= perSecond + perSecond / 10 + 1)
        }
    }

    @Test("after a pause no more go at once than a tenth")
    func pause() {
        #expect(RateLimit(perSecond: 100, next: 0).available(at: start) == 10)
        #expect(RateLimit(perSecond: 5, next: 0).available(at: start) == 1)
    }

    @Test("who asks at the time it names may go")
    func nextAt() {
        for perSecond in [1, 7, 30, 1000] {
            var rate = RateLimit(perSecond: perSecond, next: 0)
            rate.take(rate.available(at: start), at: start)
            #expect(rate.available(at: start) == 0)
            #expect(rate.available(at: rate.nextAt) >= 1)
        }
    }

    @Test("a gateway whose clock is ahead makes no room for another")
    func clocks() {
        var rate = RateLimit(perSecond: 10, next: 0)
        rate.take(1, at: start + .seconds(3))
        #expect(rate.available(at: start) == 0)
        #expect(rate.available(at: start + .milliseconds(3099)) == 0)
        #expect(rate.available(at: start + .milliseconds(3100)) == 1)
    }
}
