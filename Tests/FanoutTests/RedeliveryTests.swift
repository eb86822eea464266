import CausewayCore
import Events
import Hummingbird
import Storage
import Support
import Synchronization
import Testing

@testable import Fanout
@testable import WorkQueue

@Suite("Sending again", .onEveryEngine, .timeLimit(.minutes(2)))
struct RedeliveryTests {
    private func redelivery(_ house: FanoutHouse) -> Redelivery {
        Redelivery(engine: house.storage, queue: WorkQueue(), time: house.time)
    }

    /// Runs what is due of the work until there is none.
    private func work(_ house: FanoutHouse) async throws {
        let (queue, handler) = (WorkQueue(), redelivery(house).handler)
        while true {
            let now = house.time.now()
            let items = try await house.storage.write { transaction in
                try queue.claim(
                    handler.kind, limit: 1, at: now, until: now + .seconds(60), in: transaction)
            }
            guard let item = items.first else { return }
            _ = try await handler.work(item)
        }
    }

    private func ended(_ house: FanoutHouse, as state: Delivery.State) async throws {
        try await house.storage.write { [time = house.time] transaction in
            _ = try transaction.execute(
                "UPDATE delivery SET state = \(state), visible_at = NULL, ended_at = \(time.now()), step = 3")
            _ = try transaction.execute("UPDATE delivery_lane SET ready_at = NULL")
        }
    }

    private func states(_ house: FanoutHouse) async throws -> [Delivery.State] {
        try await house.all().map(\.state)
    }

    @Test("a retried delivery goes out at once with the same id, and its attempts go on counting")
    func retry() async throws {
        let house = try await FanoutHouse()
        let isWell = Atomic(false)
        try await Sink.run { _ in
            Response(status: isWell.load(ordering: .relaxed) ? .ok : .internalServerError)
        } _: { sink in
            _ = try await house.subscribe(["url": .string(sink.url), "retry_schedule": ""])
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().state == .failed }
                isWell.store(true, ordering: .relaxed)
                let id = try await house.only().id
                let retried = try await redelivery(house).retry(id) { _, _ in }
                #expect(retried.state == .pending)
                #expect(retried.endedAt == nil)
                try await house.until { try await house.only().state == .delivered }
                // What arrived may be sent once more, too.
                _ = try await redelivery(house).retry(id) { _, _ in }
                try await house.until { try await house.only().attemptCount == 3 }
            }
            #expect(Set(sink.requests.map(\.id)).count == 1)
            #expect(try await house.attempts().map(\.statusCode) == [500, 200, 200])
            #expect(try await house.attempts().allSatisfy { $0.firstByte != nil })
        }
    }

    @Test("a retry under way, of a deleted subscription, or of nothing is refused; of a disabled one it is held")
    func retryRefused() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(["url": "http://127.0.0.1:9/"])
        try await house.publish()
        let id = try await house.only().id
        await #expect(throws: FanoutError.deliveryNotFound) {
            _ = try await redelivery(house).retry(DeliveryID(derivedFrom: ["x"])) { _, _ in }
        }
        try await ended(house, as: .delivering)
        await #expect(throws: FanoutError.deliveryUnderWay) { _ = try await redelivery(house).retry(id) { _, _ in } }
        try await ended(house, as: .failed)
        _ = try await house.subscriptions.update(made.id, ["enabled": false]) { _, _ in }
        #expect(try await redelivery(house).retry(id) { _, _ in }.state == .held)
        try await house.subscriptions.delete(made.id) { _, _ in }
        await #expect(throws: FanoutError.subscriptionDeleted) { _ = try await redelivery(house).retry(id) { _, _ in } }
    }

    @Test("a replay sends what has failed since a time, or all, in steps, and nothing of others")
    func replay() async throws {
        let house = try await FanoutHouse()
        let made = try await house.subscribe(["url": "http://127.0.0.1:9/"])
        _ = try await house.subscribe(["url": "http://127.0.0.1:9/other"])
        for number in 0..<10 {
            try await house.publish("export.completed", "exp_old\(number)")
        }
        house.time.advance(by: .seconds(3600))
        let since = house.time.now()
        for number in 0..<(ReplayWalk.batch + 5) {
            _ = try await house.storage.write { [time = house.time] in
                try EventLog().append(
                    EventDraft(type: "export.completed", resource: "exp_\(number)", timestamp: time.now(), data: [:]),
                    in: $0)
            }
        }
        while try await house.dispatcher.dispatchOnce() > 0 {}
        house.time.advance(by: .seconds(1))
        try await ended(house, as: .failed)
        var request = ReplayRequest(since: since, until: house.time.now(), selection: .failed)
        #expect(try await redelivery(house).replay(made.id, request) { _, _ in } == ReplayWalk.batch + 5)
        try await work(house)
        func pending() async throws -> [String: Int] {
            let rows = try await house.storage.read { transaction in
                try transaction.rows(
                    """
                    SELECT s.id AS id, COUNT(*) AS found FROM delivery d JOIN subscription s
                    ON s.number = d.subscription_number WHERE d.state = 'pending' GROUP BY s.id
                    """
                ).map { (try $0["id"] as String, try $0["found"] as Int) }
            }
            return Dictionary(uniqueKeysWithValues: rows)
        }
        #expect(try await pending() == [made.id.text: ReplayWalk.batch + 5])
        try await ended(house, as: .delivered)
        #expect(try await redelivery(house).replay(made.id, request) { _, _ in } == 0)
        request.selection = .all
        request.since = since - .seconds(7200)
        #expect(try await redelivery(house).replay(made.id, request) { _, _ in } == ReplayWalk.batch + 15)
        try await work(house)
        #expect(try await pending() == [made.id.text: ReplayWalk.batch + 15])
    }

    @Test("what is sent again to one that asks for an order goes before what is newer, which waits behind it")
    func ordered() async throws {
        let house = try await FanoutHouse()
        _ = try await house.subscribe(["url": "http://127.0.0.1:9/", "ordering": "subscription"])
        for number in 0..<5 { try await house.publish("export.completed", "exp_\(number)") }
        let made = try await house.all().reversed() as [Delivery]
        try await house.storage.write { [now = house.time.now()] transaction in
            for delivery in made.prefix(2) {
                _ = try transaction.execute(
                    """
                    UPDATE delivery SET state = 'failed', visible_at = NULL, ended_at = \(now)
                    WHERE number = \(delivery.number.value)
                    """)
            }
            try DeliveryOrder().moveUp([.init(subscription: 1, key: "")], at: now, in: transaction)
        }
        for first in [1, 0, 4] {
            _ = try await redelivery(house).retry(made[first].id) { _, _ in }
            let open = try await house.all(DeliveryFilter(states: [.pending])).reversed() as [Delivery]
            #expect(open.map(\.waitsFor) == [nil] + open.dropLast().map(\.id), "\(first)")
            #expect(open.map { $0.nextAttemptAt != nil } == [true] + open.dropLast().map { _ in false }, "\(first)")
        }
        #expect(try await house.all(DeliveryFilter(states: [.pending])).count == 5)
    }

    @Test("one event is sent again to all that had it, or to one that was never meant to have it")
    func replayEvent() async throws {
        let house = try await FanoutHouse()
        for number in 0..<3 { _ = try await house.subscribe(["url": .string("http://127.0.0.1:9/\(number)")]) }
        let event = try await house.publish()
        try await house.publish("export.completed", "exp_2")
        try await ended(house, as: .delivered)
        #expect(try await redelivery(house).replay(event, to: nil) { _, _ in } == 3)
        try await work(house)
        #expect(try await states(house) == [.delivered, .delivered, .delivered, .pending, .pending, .pending])
        let late = try await house.subscribe(["url": "http://127.0.0.1:9/late", "events": ["import.failed"]])
        #expect(try await redelivery(house).replay(event, to: late.id) { _, _ in } == 1)
        #expect(try await house.all(DeliveryFilter(subscriptions: [late.id])).map(\.state) == [.pending])
        await #expect(throws: FanoutError.eventNotFound) {
            _ = try await redelivery(house).replay(EventID(derivedFrom: ["x"]), to: nil) { _, _ in }
        }
        let vendor = try await house.subscribe(["url": "http://127.0.0.1:9/v", "format": "vendor"])
        let other = try await house.publish("import.failed", "imp_1")
        await #expect(throws: FanoutError.notInFormat) {
            _ = try await redelivery(house).replay(other, to: vendor.id) { _, _ in }
        }
    }

    @Test("a test goes out at once to its subscription alone, a disabled one too, and is on record")
    func test() async throws {
        let house = try await FanoutHouse()
        let answer = Atomic(200)
        try await Sink.run { _ in
            Response(
                status: .init(code: answer.load(ordering: .relaxed)), body: .init(byteBuffer: .init(string: "seen")))
        } _: { sink in
            let tested = try await house.subscribe(["url": .string(sink.url)])
            _ = try await house.subscribe(["url": .string("\(sink.url)/other")])
            _ = try await house.subscriptions.update(tested.id, ["enabled": false]) { _, _ in }
            let test = TestDelivery(
                engine: house.storage, client: house.client, time: house.time,
                settings: .init(egress: house.egress, userAgent: "test"))
            let good = try await test.send(tested.id) { _, _ in }
            #expect(good.delivery.state == .delivered)
            #expect(good.delivery.eventType == "subscription.test")
            #expect(good.attempts.map(\.responseBody) == ["seen"])
            try await house.dispatcher.dispatchOnce()
            answer.store(410, ordering: .relaxed)
            #expect(try await test.send(tested.id) { _, _ in }.delivery.state == .failed)
            try await house.dispatcher.dispatchOnce()
            #expect(sink.requests.count == 2)
            #expect(Set(sink.requests.map(\.id)).count == 2)
            try sink.requests[0].verify(with: tested.secret?.reveal() ?? "", now: house.time.now())
            #expect(try await states(house) == [.failed, .delivered])
            await #expect(throws: FanoutError.subscriptionNotFound) {
                _ = try await test.send(SubscriptionID(derivedFrom: ["x"])) { _, _ in }
            }
        }
    }

    @Test("a second test of a subscription is refused while the first waits for its answer")
    func testsOneAtATime() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            let tested = try await house.subscribe(["url": .string(sink.url)])
            let test = TestDelivery(
                engine: house.storage, client: house.client, time: house.time,
                settings: .init(egress: house.egress, userAgent: "test"))
            async let first = test.send(tested.id) { _, _ in }
            await hold.isFull()
            await #expect(throws: FanoutError.testUnderWay) { _ = try await test.send(tested.id) { _, _ in } }
            await hold.letGo()
            #expect(try await first.delivery.state == .delivered)
            #expect(try await test.send(tested.id) { _, _ in }.delivery.state == .delivered)
        }
    }
}
