import CausewayCore
@testable import Events
import Testing

@testable import Fanout

@Suite("What follows from an attempt")
struct DeliveryVerdictTests {
    private let now = Timestamp(milliseconds: 1_700_000_000_000)
    private let schedule = RetrySchedule([.seconds(10), .seconds(100)])

    private func verdict(_ outcome: AttemptReport.Outcome, step: Int = 0, fence: Int64 = 1) throws -> DeliveryVerdict {
        let terms = SubscriptionTerms(url: "http://x/", secrets: [])
        let report = AttemptReport(
            delivery: ClaimedDelivery(
                number: DeliveryNumber(1), fence: fence, attempt: 1, step: step,
                subscription: Subscription(
                    id: SubscriptionID(at: now), number: 1, terms: terms, enabled: true, createdAt: now,
                    afterSequence: 0, version: 1, disabledReason: nil, disabledAt: nil, health: LaneHealth()),
                event: EventEnvelope(
                    sequence: 1, id: EventID(derivedFrom: ["x"]), type: "x", timestamp: now, resource: "x", data: "{}"),
                claimedAt: now),
            startedAt: now, duration: .zero, remoteAddress: nil, outcome: outcome)
        return DeliveryVerdict(of: report, schedule: schedule, now: now)
    }

    private func status(_ status: Int, retryAfter: Duration? = nil, step: Int = 0) throws -> DeliveryVerdict {
        try verdict(.answered(status: status, body: [], retryAfter: retryAfter), step: step)
    }

    @Test("any 2xx is a success, and nothing else", arguments: [200, 201, 202, 204, 299])
    func success(code: Int) throws {
        #expect(try status(code) == .delivered)
    }

    @Test(
        "every other status is tried again by the schedule, moved by up to a fifth",
        arguments: [100, 301, 302, 400, 404, 429, 500, 503])
    func failure(code: Int) throws {
        for (step, wait) in [(0, 10.0), (1, 100)] {
            guard case .retry(let time) = try status(code, step: step) else {
                Issue.record("no retry")
                return
            }
            #expect((wait * 0.8...wait * 1.2).contains(time.since(now).inSeconds))
        }
        #expect(try status(code, step: 2) == .failed)
    }

    @Test("410 is the end")
    func gone() throws {
        #expect(try status(410) == .gone)
    }

    @Test("no answer is tried again, an attempt that we ended ourselves does not count and waits longer each time")
    func unanswered() throws {
        guard case .retry = try verdict(.unanswered(.reset, detail: "")) else {
            Issue.record("no retry")
            return
        }
        #expect(try verdict(.unanswered(.timeout, detail: ""), step: 2) == .failed)
        for (fence, wait) in [(1, 1.0), (2, 2), (4, 8), (40, 60)] {
            guard case .givenBack(let time) = try verdict(.abandoned(reason: ""), step: 2, fence: Int64(fence)) else {
                Issue.record("it counts")
                return
            }
            #expect((wait * 0.8...min(60, wait * 1.2)).contains(time.since(now).inSeconds))
        }
    }

    @Test("Retry-After of 429 and 503 is waited for where it is longer than the schedule")
    func retryAfter() throws {
        #expect(try status(429, retryAfter: .seconds(600)) == .retry(at: now + .seconds(600)))
        #expect(try status(503, retryAfter: .seconds(600)) == .retry(at: now + .seconds(600)))
        #expect(try status(500, retryAfter: .seconds(600)) != .retry(at: now + .seconds(600)))
        guard case .retry(let time) = try status(429, retryAfter: .zero) else {
            Issue.record("no retry")
            return
        }
        #expect(time >= now + .seconds(8))
    }

    @Test(
        "Retry-After is seconds or a date, and never more than an hour",
        arguments: [
            ("120", 120), ("0", 0), (" 7 ", 7), ("86400", 3600), ("99999999999999999999999", 3600),
            ("Tue, 14 Nov 2023 22:14:20 GMT", 60), ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
            ("Wed, 15 Nov 2034 22:14:20 GMT", 3600), ("soon", nil), ("", nil), ("-5", nil), ("1.5", nil),
            ("Tue, 14 Foo 2023 22:14:20 GMT", nil),
        ] as [(String, Int?)])
    func retryAfterText(text: String, seconds: Int?) {
        #expect(RetryAfter.parse(text, now: now) == seconds.map { .seconds($0) })
    }

    @Test("the answer's beginning is kept as text of at most 4 KiB that any store can hold")
    func responseText() {
        func text(_ body: [UInt8]) -> String? {
            AttemptReport.text(of: body)
        }
        #expect(text([]) == "")
        #expect(text(Array("ok\u{0}ok".utf8)) == "ok\u{FFFD}ok")
        #expect(text([UInt8](repeating: 0xff, count: 5000))?.utf8.count == 4095)
        #expect(text([UInt8](repeating: 0x61, count: 5000))?.utf8.count == 4096)
    }
}

@Suite("Places are shared among the lanes")
struct LaneSharesTests {
    @Test(
        "evenly, as far as each can use them",
        arguments: [
            (10, [10], [10]), (10, [3], [3]), (10, [10, 10], [5, 5]), (10, [2, 10, 10], [2, 4, 4]),
            (2, [10, 10, 10], [1, 1, 0]), (10, [0, 10], [0, 10]), (0, [5], [0]), (9, [], []),
            (100, [1, 2, 3], [1, 2, 3]),
        ] as [(Int, [Int], [Int])])
    func shares(places: Int, free: [Int], expected: [Int]) {
        let shares = LaneShares.divide(places, among: free)
        #expect(shares.reduce(0, +) == expected.reduce(0, +))
        #expect(zip(shares, free).allSatisfy { $0 <= $1 })
        #expect(shares.sorted() == expected.sorted())
    }
}

@Suite("Delivery ids")
struct DeliveryIDTests {
    @Test(
        "say the number, and nothing else does",
        arguments: [1, 0x1000001, 0x7fff_ffff_ffff_ffff, 123_456_789_012] as [Int64])
    func roundTrip(value: Int64) throws {
        let number = DeliveryNumber(value)
        let id = number.id
        #expect(DeliveryNumber(id) == number)
        #expect(DeliveryID(parsing: id.text) == id)
        var other = Array(id.text)
        other[10] = other[10] == "a" ? "b" : "a"
        #expect(DeliveryNumber(try #require(DeliveryID(parsing: String(other)))) == nil)
    }
}
