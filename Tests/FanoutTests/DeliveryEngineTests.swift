import CausewayCore
import Events
import Fanout
import Hummingbird
import Logging
import OutboundHTTP
import Storage
import Support
import Synchronization
import Testing

@Suite("Deliveries", .onEveryEngine, .timeLimit(.minutes(9)))
struct DeliveryEngineTests {
    func members(_ url: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
        .object(["url": .string(url)].merging(more) { $1 })
    }

    @Test("an event arrives signed, as it was published, with the subscription's own headers")
    func arrives() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { sink in
            let subscription = try await house.subscribe(members(sink.url, ["headers": ["X-Team": "finance"]]))
            let secret = try #require(subscription.secret?.reveal())
            try await house.running(house.engine()) {
                let event = try await house.publish(data: ["name": "Zoë / 日本語", "report": "vrc_1"])
                try await house.until { try await house.only().state == .delivered }
                let request = try #require(sink.requests.first)
                #expect(request.id == event.text)
                #expect(request["webhook-timestamp"] == "1700000000")
                #expect(request["content-type"] == "application/json")
                #expect(request["user-agent"] == "Causeway/1.2.3")
                #expect(request["x-team"] == "finance")
                try request.verify(with: secret, now: house.time.now())
                let published = try await house.storage.read { try EventLog().event(event, in: $0) }
                let body = try JSONValue(parsing: String(decoding: request.body, as: UTF8.self))
                #expect(body == published?.json)
            }
            #expect(sink.requests.count == 1)
            let attempt = try #require(try await house.attempts().first)
            #expect(attempt.number == 1)
            #expect(attempt.statusCode == 204)
            #expect(attempt.error == nil)
            #expect(attempt.responseBody == "")
        }
    }

    @Test("what fails is sent again by the schedule: the same id, a new timestamp, a new signature")
    func retries() async throws {
        let house = try await FanoutHouse()
        let count = Atomic(0)
        try await Sink.run { _ in
            count.add(1, ordering: .relaxed).newValue < 3
                ? Response(status: .internalServerError, body: .init(byteBuffer: .init(string: "not yet")))
                : Response(status: .ok)
        } _: { sink in
            let secret = try await house.subscribe(members(sink.url)).secret?.reveal() ?? ""
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().attemptCount == 1 }
                let wait = try #require(try await house.only().nextAttemptAt).since(house.time.now())
                #expect((4.0...6).contains(wait.inSeconds))
                house.time.advance(by: .seconds(7))
                try await house.until { try await house.only().attemptCount == 2 }
                house.time.advance(by: .seconds(40))
                try await house.until { try await house.only().state == .delivered }
                for request in sink.requests { try request.verify(with: secret, now: house.time.now()) }
            }
            #expect(Set(sink.requests.map(\.id)).count == 1)
            #expect(sink.requests.map { $0["webhook-timestamp"] } == ["1700000000", "1700000007", "1700000047"])
            #expect(Set(sink.requests.map { $0["webhook-signature"] }).count == 3)
            let attempts = try await house.attempts()
            #expect(attempts.map(\.number) == [1, 2, 3])
            #expect(attempts.map(\.statusCode) == [500, 500, 200])
            #expect(attempts.map(\.responseBody) == ["not yet", "not yet", ""])
        }
    }

    @Test("a subscription's own schedule counts, and at its end the delivery has failed")
    func exhausted() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { _ in
            Response(status: .badGateway)
        } _: { sink in
            _ = try await house.subscribe(members(sink.url, ["retry_schedule": ["1s"]]))
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().attemptCount == 1 }
                house.time.advance(by: .seconds(2))
                try await house.until { try await house.only().state == .failed }
            }
            let delivery = try await house.only()
            #expect(delivery.attemptCount == 2)
            #expect(delivery.endedAt == house.time.now())
            #expect(delivery.nextAttemptAt == nil)
        }
    }

    @Test("redirects are not followed")
    func redirect() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { request in
            request.path == "/hook" ? Response.redirect(to: "/elsewhere", type: .temporary) : Response(status: .ok)
        } _: { sink in
            _ = try await house.subscribe(members(sink.url, ["retry_schedule": []]))
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().state == .failed }
            }
            #expect(sink.requests.map(\.path) == ["/hook"])
            #expect(try await house.only().lastStatusCode == 307)
        }
    }

    @Test("410 fails the delivery, disables the subscription, and holds what else is to be sent")
    func gone() async throws {
        let house = try await FanoutHouse()
        let isGone = Moment()
        try await Sink.run { _ in
            await isGone.wait()
            return Response(status: .gone)
        } _: { sink in
            let id = try await house.subscribe(members(sink.url, ["max_in_flight": 1])).id
            try await house.running(house.engine()) {
                let first = try await house.publish("export.completed", "exp_1")
                let second = try await house.publish("export.completed", "exp_2")
                await isGone.happen()
                try await house.until { try await house.subscriptions.subscription(id).enabled == false }
                let states = Dictionary(uniqueKeysWithValues: try await house.all().map { ($0.event, $0.state) })
                #expect(states == [first: .failed, second: .held])
                let third = try await house.publish("export.completed", "exp_3")
                #expect(try await house.all(DeliveryFilter(events: [third])).map(\.state) == [.held])
            }
            #expect(sink.requests.count == 1)
        }
    }

    @Test("Retry-After puts off the delivery and all else that is due to its subscription")
    func retryAfter() async throws {
        let house = try await FanoutHouse()
        let count = Atomic(0)
        try await Sink.run { _ in
            count.add(1, ordering: .relaxed).newValue == 1
                ? Response(status: .tooManyRequests, headers: [.retryAfter: "60"]) : Response(status: .ok)
        } _: { sink in
            _ = try await house.subscribe(members(sink.url))
            try await house.running(house.engine()) {
                let first = try await house.publish("export.completed", "exp_1")
                try await house.until { try await house.only().attemptCount == 1 }
                let second = try await house.publish("export.completed", "exp_2")
                house.time.advance(by: .seconds(59))
                // Another subscription is not put off; when its delivery is through, the first had its chance.
                _ = try await house.subscribe(members(sink.url))
                let third = try await house.publish("export.failed", "exp_3")
                try await house.until {
                    try await house.all(DeliveryFilter(events: [third], states: [.delivered])).count == 1
                }
                #expect(sink.requests.map(\.id) == [first.text, third.text])
                house.time.advance(by: .seconds(2))
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 4 }
                #expect(Set(sink.requests.dropFirst(2).map(\.id)) == [first.text, second.text, third.text])
            }
        }
    }

    @Test("an endpoint that does not answer is a timeout, one that is not there a refused connection", .inRealTime)
    func noAnswer() async throws {
        let house = try await FanoutHouse(allowing: ["127.0.0.1/32"])
        let end = Moment()
        try await Sink.run { _ in
            await end.wait()
            return Response(status: .ok)
        } _: { sink in
            let once: [String: JSONValue] = ["retry_schedule": []]
            let slow = try await house.subscribe(members(sink.url, once)).id
            let absent = try await house.subscribe(members("http://127.0.0.1:1/", once)).id
            let unknown = try await house.subscribe(members("http://\(noName)/", once)).id
            try await house.running(house.engine(timeout: RealTime.limit)) {
                try await house.publish()
                try await house.until { try await house.all(DeliveryFilter(states: [.failed])).count == 3 }
            }
            await end.happen()
            let errors = Dictionary(
                uniqueKeysWithValues: try await house.all().map { ($0.subscription, $0.lastError) })
            #expect(errors == [slow: .timeout, absent: .connect, unknown: .resolve])
        }
    }

    @Test("an address that is not allowed any more is refused when connecting, with the setting's name")
    func egress() async throws {
        let open = try await FanoutHouse()
        try await Sink.run { sink in
            _ = try await open.subscribe(members(sink.url, ["retry_schedule": []]))
            let engine = DeliveryEngine(
                engine: open.storage, client: open.client, time: open.time, logger: open.logger,
                settings: .init(egress: .publicOnly, userAgent: "Causeway/1.2.3"))
            try await open.running(engine) {
                try await open.publish()
                try await open.until { try await open.only().state == .failed }
            }
            #expect(sink.requests.isEmpty)
            let attempt = try #require(try await open.attempts().first)
            #expect(attempt.error == .egressDenied)
            #expect(attempt.errorDetail?.contains("deliveries.allow_networks") == true)
        }
    }

    @Test("a 2xx is a success however long its body, of which 4 KiB are kept")
    func longAnswer() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { _ in
            Response(
                status: .ok,
                body: .init { writer in
                    for _ in 0..<10_000 { try await writer.write(.init(repeating: 0x61, count: 10_000)) }
                    try await writer.finish(nil)
                })
        } _: { sink in
            _ = try await house.subscribe(members(sink.url))
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().state == .delivered }
            }
            #expect(try await house.attempts().map { $0.responseBody?.utf8.count } == [4096])
        }
    }

    @Test("no subscription has more attempts under way than it allows, and a slow one delays no other")
    func slowSubscription() async throws {
        let house = try await FanoutHouse()
        let end = Moment()
        let underWay = Mutex((now: 0, most: 0))
        try await Sink.run { request in
            guard request.path == "/slow" else { return Response(status: .ok) }
            underWay.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            await end.wait()
            underWay.withLock { $0.now -= 1 }
            return Response(status: .ok)
        } _: { sink in
            let slow = try await house.subscribe(
                members("http://127.0.0.1:\(sink.port)/slow", ["max_in_flight": 3])
            ).id
            let quick = try await house.subscribe(members(sink.url)).id
            try await house.running(house.engine(places: 16)) {
                for number in 0..<40 { try await house.publish("export.completed", "exp_\(number)") }
                try await house.until {
                    try await house.all(DeliveryFilter(subscriptions: [quick], states: [.delivered])).count == 40
                }
                #expect(try await house.all(DeliveryFilter(subscriptions: [slow], states: [.delivering])).count == 3)
                await end.happen()
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 80 }
            }
            #expect(underWay.withLock { $0.most } == 3)
        }
    }

    @Test("deleting a subscription cancels what is to be sent; the attempt under way is still written down")
    func deletedUnderWay() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            let id = try await house.subscribe(members(sink.url, ["max_in_flight": 1])).id
            try await house.running(house.engine()) {
                let first = try await house.publish("export.completed", "exp_1")
                let second = try await house.publish("export.completed", "exp_2")
                await hold.isFull()
                try await house.subscriptions.delete(id) { _, _ in }
                #expect(try await house.all().map(\.state) == [.cancelled, .cancelled])
                await hold.letGo()
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 1 }
                #expect(try await house.all(DeliveryFilter(states: [.delivered])).map(\.event) == [first])
                #expect(try await house.all(DeliveryFilter(states: [.cancelled])).map(\.event) == [second])
            }
        }
    }
}
