import CausewayCore
import Events
import Fanout
import Hummingbird
import Storage
import Support
import Synchronization
import Testing
import WorkQueue

@Suite("Endpoints that only fail", .onEveryEngine, .timeLimit(.minutes(2)))
struct DisablingTests {
    private static let hour = Duration.seconds(3600)

    /// A house with a subscription whose endpoint is down until `isUp`, and one that is told what happens to others.
    private func stage(
        _ body: (FanoutHouse, Sink, _ failing: SubscriptionID, _ isUp: Switch) async throws -> Void
    ) async throws {
        let house = try await FanoutHouse()
        let isUp = Switch()
        try await Sink.run { request in
            if request.path == "/told" { return Response(status: .ok) }
            return Response(status: isUp.isOn.load(ordering: .relaxed) ? .ok : .badGateway)
        } _: { sink in
            _ = try await house.subscribe([
                "url": .string("http://127.0.0.1:\(sink.port)/told"),
                "events": ["subscription.failing", "subscription.disabled", "subscription.recovered"],
                "ordering": "subscription",
            ])
            let failing = try await house.subscribe([
                "url": .string(sink.url), "headers": ["Authorization": "Bearer abc"],
                "retry_schedule": .array(Array(repeating: "10h", count: 20)),
            ]).id
            try await body(house, sink, failing, isUp)
        }
    }

    private func engine(_ house: FanoutHouse, enablesAgain: Bool = false) -> DeliveryEngine {
        house.engine {
            $0.disableAfter = Self.hour * 40
            $0.probeInterval = Self.hour
            $0.enablesAgain = enablesAgain
        }
    }

    /// Until an endpoint that is down has cost its subscription; the announcement comes halfway.
    private func fail(_ house: FanoutHouse, _ id: SubscriptionID) async throws {
        try await house.publish()
        for attempt in 1...5 {
            try await house.until {
                try await house.all(DeliveryFilter(subscriptions: [id])).contains { $0.attemptCount == attempt }
            }
            if attempt < 5 { house.time.advance(by: Self.hour * 12) }
        }
        try await house.dispatcher.dispatchOnce()
    }

    private func nothingWaits(_ house: FanoutHouse) async throws {
        try await house.until {
            try await house.all(DeliveryFilter(states: [.held, .pending, .delivering])).isEmpty
        }
    }

    private func told(_ sink: Sink) throws -> [JSONValue] {
        try sink.requests.filter { $0.path == "/told" }.map {
            try JSONValue(parsing: String(decoding: $0.body, as: UTF8.self))
        }
    }

    private func tellings(_ house: FanoutHouse, _ count: Int) async throws {
        try await house.until {
            try await house.all(DeliveryFilter(states: [.delivered])).count { $0.eventType.hasPrefix("sub") } == count
        }
    }

    @Test("are announced to the others, then disabled; what comes is held, none of it is lost")
    func disabled() async throws {
        try await stage { house, sink, id, _ in
            let start = house.time.now()
            try await house.running(engine(house)) {
                try await fail(house, id)
                try await tellings(house, 2)
                let later = try await house.publish("export.completed", "exp_2")
                #expect(try await house.all(DeliveryFilter(events: [later])).map(\.state) == [.held])
            }
            let subscription = try await house.subscriptions.subscription(id)
            #expect(!subscription.enabled)
            #expect(subscription.disabledReason == .failures)
            #expect(subscription.health.failingSince == start)
            let told = try told(sink)
            #expect(told.map { $0.object?["type"] } == ["subscription.failing", "subscription.disabled"])
            let data = try #require(told.last?.object?["data"]?.object)
            #expect(data["id"] == .string(id.text))
            #expect(data["disabled_reason"] == "failures")
            #expect(data["failing_since"] == .string(start.rfc3339))
            #expect(data["url"] == .string("http://127.0.0.1:\(sink.port)/"))
            #expect(data["headers"] == ["Authorization": "***"])
            let own = try await house.all(DeliveryFilter(subscriptions: [id]))
            #expect(own.map(\.state) == [.held, .held])
            #expect(own.allSatisfy { !$0.eventType.hasPrefix("subscription.") })
        }
    }

    @Test("are tried with what is held; that they answer is told, and enabling sends the rest in order")
    func probed() async throws {
        try await stage { house, sink, id, isUp in
            try await house.running(engine(house)) {
                try await fail(house, id)
                for number in 2...6 { try await house.publish("export.completed", "exp_\(number)") }
                house.time.advance(by: Self.hour * 1.3)
                try await house.until {
                    try await house.all(DeliveryFilter(states: [.held])).contains { $0.attemptCount == 6 }
                }
                #expect(try await house.subscriptions.subscription(id).health.answersSince == nil)
                isUp.isOn.store(true, ordering: .relaxed)
                house.time.advance(by: Self.hour * 1.3)
                try await house.until {
                    try await house.subscriptions.subscription(id).health.answersSince == house.time.now()
                }
                try await house.dispatcher.dispatchOnce()
                try await tellings(house, 3)
                #expect(try await house.all(DeliveryFilter(states: [.held])).count == 5)
                let enabled = try await house.subscriptions.update(id, ["enabled": true]) { _, _ in }
                #expect(enabled.disabledReason == nil)
                #expect(enabled.health.answersSince == nil)
                try await nothingWaits(house)
            }
            #expect(try told(sink).last?.object?["type"] == "subscription.recovered")
            let own = try await house.all(DeliveryFilter(subscriptions: [id])).reversed() as [Delivery]
            #expect(own.allSatisfy { $0.state == .delivered })
            #expect(own.map(\.attemptCount) == [7, 1, 1, 1, 1, 1])
        }
    }

    @Test("are enabled by themselves where the setting says so")
    func enabledAgain() async throws {
        try await stage { house, _, id, isUp in
            try await house.running(engine(house, enablesAgain: true)) {
                try await fail(house, id)
                for number in 2...6 { try await house.publish("export.completed", "exp_\(number)") }
                isUp.isOn.store(true, ordering: .relaxed)
                house.time.advance(by: Self.hour * 1.3)
                try await nothingWaits(house)
            }
            #expect(try await house.subscriptions.subscription(id).enabled)
        }
    }

    @Test("are not tried any more once somebody has said that they are to stay disabled")
    func staysDisabled() async throws {
        try await stage { house, _, id, _ in
            try await house.running(engine(house)) { try await fail(house, id) }
            let failed = try await house.subscriptions.subscription(id)
            #expect(failed.disabledReason == .failures)
            let disabled = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
            #expect(disabled.disabledReason == .request)
            let probed = try await house.storage.read {
                try $0.count("delivery_lane WHERE probe_at IS NOT NULL")
            }
            #expect(probed == 0)
        }
    }

    @Test("one success starts the clock anew")
    func success() async throws {
        try await stage { house, _, id, isUp in
            try await house.running(engine(house)) {
                try await house.publish()
                try await house.until { try await house.only().attemptCount == 1 }
                isUp.isOn.store(true, ordering: .relaxed)
                house.time.advance(by: Self.hour * 39)
                try await house.until { try await house.only().state == .delivered }
                isUp.isOn.store(false, ordering: .relaxed)
                house.time.advance(by: Self.hour * 39)
                try await house.publish("export.completed", "exp_2")
                try await house.until {
                    try await house.all().contains { $0.attemptCount == 1 && $0.state == .pending }
                }
            }
            let subscription = try await house.subscriptions.subscription(id)
            #expect(subscription.enabled)
            #expect(subscription.health.failingSince == house.time.now())
            #expect(try await house.storage.read { try EventLog().events(after: 0, limit: 10, in: $0) }.count == 2)
        }
    }

    @Test("an endpoint that is gone is told of, and not tried again")
    func gone() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { request in
            Response(status: request.path == "/told" ? .ok : .gone)
        } _: { sink in
            _ = try await house.subscribe(["url": .string("http://127.0.0.1:\(sink.port)/told")])
            let id = try await house.subscribe(["url": .string(sink.url)]).id
            try await house.running(engine(house)) {
                try await house.publish()
                try await house.until { try await house.subscriptions.subscription(id).disabledReason == .gone }
                try await house.publish("export.completed", "exp_2")
                house.time.advance(by: Self.hour * 3)
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 3 }
            }
            #expect(try told(sink).compactMap { $0.object?["type"]?.string }.contains("subscription.disabled"))
            #expect(sink.requests.count { $0.path == "/hook" } == 1)
        }
    }

    @Test("what is held for too long has failed, says why, and is gone from the queue")
    func expired() async throws {
        let house = try await FanoutHouse()
        let id = try await house.subscribe(["url": "http://127.0.0.1:9/"]).id
        _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
        try await house.publish("export.completed", "exp_1")
        house.time.advance(by: .seconds(60))
        let young = try await house.publish("export.completed", "exp_2")
        let held = HeldDeliveries(keptFor: .seconds(50))
        let counts = try await house.storage.write { [now = house.time.now()] transaction in
            try [1, 2].map { _ in try held.expire(at: now, limit: 100, in: transaction) }
        }
        #expect(counts == [1, 0])
        let all = try await house.all()
        #expect(all.map(\.state) == [.held, .failed])
        #expect(all[0].event == young)
        #expect(all[1].errorDetail?.contains("deliveries.hold_for") == true)
        #expect(all[1].endedAt == house.time.now())
    }

    @Test("one sent again while its subscription has long been disabled is held for as long as others")
    func heldAgain() async throws {
        let house = try await FanoutHouse()
        let id = try await house.subscribe(["url": "http://127.0.0.1:9/"]).id
        try await house.publish("export.completed", "exp_1")
        try await house.publish("export.completed", "exp_2")
        _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
        let held = HeldDeliveries(keptFor: .seconds(50))
        func expire(after seconds: Int) async throws -> Int {
            house.time.advance(by: .seconds(seconds))
            return try await house.storage.write { [now = house.time.now()] in
                try held.expire(at: now, limit: 1, in: $0)
            }
        }
        #expect(try await expire(after: 51) == 1)
        #expect(try await expire(after: 0) == 1)
        // The older of the two is the one that is young now: it is not in the way of the other.
        let first = try #require(try await house.all().last)
        let redelivery = Redelivery(engine: house.storage, queue: WorkQueue(), time: house.time)
        #expect(try await redelivery.retry(first.id) { _, _ in }.state == .held)
        #expect(try await expire(after: 0) == 0)
        _ = try await house.publish("export.completed", "exp_3")
        #expect(try await expire(after: 49) == 0)
        #expect(try await redelivery.retry(first.id) { _, _ in }.state == .held)
        #expect(try await expire(after: 2) == 1)
        #expect(try await house.all().map(\.state) == [.failed, .failed, .held])
    }

    @Test("an old delivery is held for as long as others: the time counts from when its subscription was disabled")
    func heldSinceDisabled() async throws {
        let house = try await FanoutHouse()
        let id = try await house.subscribe(["url": "http://127.0.0.1:9/"]).id
        try await house.publish()
        house.time.advance(by: .seconds(60))
        _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
        let held = HeldDeliveries(keptFor: .seconds(50))
        for (later, count) in [(49, 0), (2, 1)] {
            house.time.advance(by: .seconds(later))
            let ended = try await house.storage.write { [now = house.time.now()] in
                try held.expire(at: now, limit: 100, in: $0)
            }
            #expect(ended == count)
        }
    }
}

/// Whether an endpoint is up.
private final class Switch: Sendable {
    let isOn = Atomic(false)
}
