import CausewayCore
import Events
import Storage
import Support
import Testing
import WorkQueue

@testable import Fanout

@Suite("Whose turn it is in a line", .onEveryEngine, .timeLimit(.minutes(2)))
struct LineTests {
    /// A house with one subscription and so many deliveries, and its engine step by step.
    private struct Stage {
        let house: FanoutHouse
        let subscription: SubscriptionID
        let deliveries: [DeliveryID]
        private let queue = DeliveryQueue(laneLimit: 500)
        private let recorder = AttemptRecorder(schedule: RetrySchedule([.seconds(5), .seconds(5)]), watch: .patient)

        init(_ count: Int, ordering: String = "subscription") async throws {
            house = try await FanoutHouse()
            subscription = try await house.subscribe(["url": "http://127.0.0.1:9/", "ordering": .string(ordering)]).id
            for number in 0..<count { try await house.publish("export.completed", "exp_\(number)") }
            deliveries = try await house.all().reversed().map(\.id)
        }

        func claim() async throws -> [ClaimedDelivery] {
            try await house.storage.write { [queue, now = house.time.now()] transaction in
                try queue.claim(
                    DeliveryPlaces.Room(answering: 10, trying: 10, failing: 10, slow: 10), at: now,
                    until: now + .seconds(15), in: transaction
                ).deliveries
            }
        }

        func report(_ claims: ClaimedDelivery..., status: Int) async throws {
            _ = try await house.storage.write { [recorder, now = house.time.now()] transaction in
                try recorder.record(
                    claims.map { claim in
                        AttemptReport(
                            delivery: claim, startedAt: now, duration: .milliseconds(5), remoteAddress: nil,
                            outcome: .answered(status: status, body: [], retryAfter: nil))
                    }, at: now, in: transaction)
            }
        }

        func sendAgain(_ number: Int) async throws {
            _ = try await Redelivery(engine: house.storage, queue: WorkQueue(), time: house.time)
                .retry(deliveries[number]) { _, _ in }
        }

        /// Claims the one whose turn it is, and no other.
        func next(_ number: Int) async throws -> ClaimedDelivery {
            let claims = try await claim()
            #expect(claims.map(\.number.id) == [deliveries[number]])
            return try #require(claims.first)
        }

        func waitsFor(_ number: Int) async throws -> DeliveryID? {
            try await house.deliveries.delivery(deliveries[number]).delivery.waitsFor
        }
    }

    @Test("an older one sent again waits for the attempt under way, and goes before its next", arguments: [200, 500])
    func sentAgain(status: Int) async throws {
        let stage = try await Stage(3)
        try await stage.report(stage.next(0), status: 200)
        let underWay = try await stage.next(1)
        try await stage.sendAgain(0)
        #expect(try await stage.waitsFor(0) == stage.deliveries[1])
        #expect(try await stage.claim().isEmpty)
        try await stage.report(underWay, status: status)
        let again = try await stage.next(0)
        #expect(again.attempt == 2)
        #expect(try await stage.claim().isEmpty)
        stage.house.time.advance(by: .seconds(7))
        if status == 500 { #expect(try await stage.waitsFor(1) == stage.deliveries[0]) }
        try await stage.report(again, status: 200)
        for number in (status == 500 ? 1 : 2)..<3 { try await stage.report(stage.next(number), status: 200) }
        #expect(try await stage.house.all().allSatisfy { $0.state == .delivered })
    }

    @Test("an older one sent again goes before one that waits for its next attempt")
    func beforeNextAttempt() async throws {
        let stage = try await Stage(2)
        try await stage.report(stage.next(0), status: 200)
        try await stage.report(stage.next(1), status: 500)
        try await stage.sendAgain(0)
        stage.house.time.advance(by: .seconds(7))
        try await stage.report(stage.next(0), status: 200)
        try await stage.report(stage.next(1), status: 200)
    }

    @Test("where an order is asked for while several are under way, the next waits for all of them")
    func severalUnderWay() async throws {
        let stage = try await Stage(3, ordering: "none")
        let claims = try await stage.claim()
        #expect(claims.count == 3)
        _ = try await stage.house.subscriptions.update(stage.subscription, ["ordering": "subscription"]) { _, _ in }
        try await stage.report(claims[0], status: 500)
        try await stage.report(claims[1], status: 500)
        stage.house.time.advance(by: .seconds(7))
        #expect(try await stage.claim().isEmpty)
        try await stage.report(claims[2], status: 500)
        try await stage.report(stage.next(0), status: 200)
        try await stage.report(stage.next(1), status: 200)
        try await stage.report(stage.next(2), status: 200)
    }
}
