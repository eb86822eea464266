import CausewayCore
import Events
import Fanout
import Hummingbird
import Storage
import Support
import Synchronization
import Testing

@Suite("Rate, pace and places", .onEveryEngine, .timeLimit(.minutes(2)))
struct PacingTests {
    @Test("no more go in a second than rate_per_second, over all gateways")
    func rate() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { sink in
            _ = try await house.subscribe(["url": .string(sink.url), "rate_per_second": 2])
            for number in 0..<6 { try await house.publish("export.completed", "exp_\(number)") }
            try await house.running(house.engine()) {
                try await house.running(house.engine()) {
                    for count in 1...6 {
                        try await house.until {
                            try await house.all(DeliveryFilter(states: [.delivered])).count == count
                        }
                        #expect(sink.requests.count == count)
                        house.time.advance(by: .milliseconds(500))
                    }
                }
            }
        }
    }

    @Test("after trouble a backlog is sent, never more at a time than allowed, and all is well again")
    func slowStart() async throws {
        let house = try await FanoutHouse()
        let isUp = Atomic(false)
        let underWay = Mutex((now: 0, most: 0))
        try await Sink.run { _ in
            guard isUp.load(ordering: .relaxed) else { return Response(status: .serviceUnavailable) }
            underWay.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            await Task.yield()
            underWay.withLock { $0.now -= 1 }
            return Response(status: .ok)
        } _: { sink in
            let id = try await house.subscribe(["url": .string(sink.url), "max_in_flight": 8]).id
            try await house.running(house.engine(schedule: "5s,5s,5s,5s,5s,5s")) {
                for number in 0..<4 { try await house.publish("export.completed", "exp_\(number)") }
                try await house.until {
                    try await house.all().allSatisfy { $0.attemptCount == 1 && $0.state == .pending }
                }
                let failing = try await house.subscriptions.subscription(id)
                #expect(failing.health.failingSince == house.time.now())
                #expect(failing.json.object?["failing_since"] == .string(house.time.now().rfc3339))
                // Before anything else goes out: what fails after the clock was moved would wait for good.
                isUp.store(true, ordering: .relaxed)
                for number in 4..<60 { try await house.publish("export.completed", "exp_\(number)") }
                house.time.advance(by: .seconds(7))
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 60 }
            }
            #expect(underWay.withLock { $0.most } <= 8)
            #expect(try await house.subscriptions.subscription(id).health.failingSince == nil)
        }
    }

    @Test("while an endpoint in trouble hangs, its oldest delivery is tried when its schedule says")
    func oldest() async throws {
        let house = try await FanoutHouse()
        let count = Atomic(0)
        let hold = Hold()
        try await Sink.run { _ in
            let number = count.add(1, ordering: .relaxed).newValue
            if number <= 3 { return Response(status: .serviceUnavailable) }
            if number == 4 { await hold.hang() }
            return Response(status: .ok)
        } _: { sink in
            _ = try await house.subscribe(["url": .string(sink.url), "max_in_flight": 8])
            try await house.running(house.engine(schedule: "60s,60s", timeout: .seconds(3600))) {
                var events: [EventID] = []
                for number in 0..<3 { events.append(try await house.publish("export.completed", "exp_\(number)")) }
                try await house.until {
                    try await house.all().allSatisfy { $0.attemptCount == 1 && $0.state == .pending }
                }
                // The pace is one by now: this one takes its place and hangs, the next waits.
                let hanging = try await house.publish("export.completed", "exp_3")
                await hold.isFull()
                let waiting = try await house.publish("export.completed", "exp_4")
                house.time.advance(by: .seconds(80))
                try await house.until {
                    try await house.all(DeliveryFilter(events: [events[0]])).first?.state == .delivered
                }
                #expect(try await house.all(DeliveryFilter(events: [hanging])).first?.state == .delivering)
                await hold.letGo()
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 5 }
                #expect(try await house.all(DeliveryFilter(events: [waiting])).first?.attemptCount == 1)
            }
        }
    }

    @Test("who is allowed more at a time gets it at once, not when an attempt ends")
    func allowedMore() async throws {
        let house = try await FanoutHouse()
        let hold = Hold(first: 1)
        try await Sink.run(holding: hold) { sink in
            let id = try await house.subscribe(["url": .string(sink.url), "max_in_flight": 1]).id
            try await house.running(house.engine(timeout: .seconds(3600))) {
                for number in 0..<3 { try await house.publish("export.completed", "exp_\(number)") }
                await hold.isFull()
                #expect(try await house.all(DeliveryFilter(states: [.delivered])).isEmpty)
                _ = try await house.subscriptions.update(id, ["max_in_flight": 3]) { _, _ in }
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 2 }
                await hold.letGo()
            }
        }
    }

    @Test("a hundred and fifty endpoints that begin to hang at once leave ten that answer alone")
    func dead() async throws {
        let house = try await FanoutHouse()
        let hold = Hold(of: 192)
        try await Sink.run { request in
            if request.path == "/dead" { await hold.hang() }
            return Response(status: .ok)
        } _: { sink in
            for _ in 0..<150 {
                _ = try await house.subscribe([
                    "url": .string("http://127.0.0.1:\(sink.port)/dead"), "events": ["export.failed"],
                ])
            }
            var healthy: [SubscriptionID] = []
            for _ in 0..<10 {
                healthy.append(
                    try await house.subscribe(["url": .string(sink.url), "events": ["export.completed"]]).id)
            }
            try await house.running(house.engine(timeout: .seconds(3600), places: 256)) {
                for number in 0..<3 { try await house.publish("export.failed", "exp_\(number)") }
                await hold.isFull()
                // The last quarter of the places is for those that have nothing under way.
                for number in 0..<10 { try await house.publish("export.completed", "exp_\(number)") }
                try await house.until {
                    try await house.all(DeliveryFilter(subscriptions: healthy, states: [.delivered])).count == 100
                }
                #expect((192...214).contains(hold.count))
                // From now on they count as slow, and have no place of those that answer.
                house.time.advance(by: .seconds(1))
                for number in 10..<20 { try await house.publish("export.completed", "exp_\(number)") }
                try await house.until {
                    try await house.all(DeliveryFilter(subscriptions: healthy, states: [.delivered])).count == 200
                }
                #expect(hold.count <= 512)
                await hold.letGo()
            }
        }
    }

    @Test(
        "new endpoints that hang fill the places: who answers, known or new, is served all the same"
    )
    func newOnes() async throws {
        let house = try await FanoutHouse()
        let hold = Hold(of: 64)
        try await Sink.run { request in
            if request.path == "/dead" { await hold.hang() }
            return Response(status: .ok)
        } _: { sink in
            // It sets all others' endpoints to known as well.
            let known = try await house.subscribe(["url": .string(sink.url), "events": ["export.completed"]]).id
            for _ in 0..<70 {
                _ = try await house.subscribe(
                    ["url": .string("http://127.0.0.1:\(sink.port)/dead"), "events": ["export.failed"]], isNew: true)
            }
            let new = try await house.subscribe(
                ["url": .string(sink.url), "events": ["export.completed"]], isNew: true
            ).id
            try await house.running(house.engine(timeout: .seconds(3600), places: 64)) {
                for number in 0..<3 { try await house.publish("export.failed", "exp_\(number)") }
                await hold.isFull()
                // No attempt of theirs is slow yet: who is known has places of his own.
                try await house.publish("export.completed", "exp_4")
                try await house.until {
                    try await house.all(DeliveryFilter(subscriptions: [known], states: [.delivered])).count == 1
                }
                // A quarter of the places is free for new ones each second, whatever hangs.
                house.time.advance(by: .seconds(1))
                try await house.until {
                    try await house.all(DeliveryFilter(subscriptions: [new], states: [.delivered])).count == 1
                }
                await hold.letGo()
            }
        }
    }
}
