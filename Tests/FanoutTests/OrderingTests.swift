import CausewayCore
import Events
import Fanout
import Hummingbird
import Storage
import Support
import Synchronization
import Testing

@Suite("Deliveries in order", .onEveryEngine, .timeLimit(.minutes(2)))
struct OrderingTests {
    private func members(_ sink: Sink, _ ordering: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
        .object(["url": .string(sink.url), "ordering": .string(ordering)].merging(more) { $1 })
    }

    @Test("one after another: the next waits for the one before, says so, and goes when that has failed for good")
    func subscription() async throws {
        let house = try await FanoutHouse()
        let count = Atomic(0)
        try await Sink.run { _ in
            Response(status: count.add(1, ordering: .relaxed).newValue <= 2 ? .badGateway : .ok)
        } _: { sink in
            _ = try await house.subscribe(members(sink, "subscription", ["retry_schedule": ["5s"]]))
            var events: [EventID] = []
            for number in 1...3 { events.append(try await house.publish("export.completed", "exp_\(number)")) }
            let all = try await house.all().reversed() as [Delivery]
            #expect(all.map(\.waitsFor) == [nil, all[0].id, all[1].id])
            #expect(all[1].json.object?["waiting_for"] == .string(all[0].id.text))
            #expect(all[1].nextAttemptAt == nil)
            try await house.running(house.engine()) {
                try await house.until { try await house.all().contains { $0.attemptCount == 1 } }
                #expect(sink.requests.map(\.id) == [events[0].text])
                house.time.advance(by: .seconds(7))
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 2 }
            }
            #expect(sink.requests.map(\.id) == [events[0], events[0], events[1], events[2]].map(\.text))
            #expect(try await house.all().map(\.state) == [.delivered, .delivered, .failed])
        }
    }

    @Test("by resource: what is about another does not wait")
    func export() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run { request in
            if String(decoding: request.body, as: UTF8.self).contains("hold") { await hold.hang() }
            return Response(status: .ok)
        } _: { sink in
            _ = try await house.subscribe(members(sink, "export"))
            try await house.running(house.engine()) {
                let held = try await house.publish("export.completed", "exp_1", data: ["is": "hold"])
                await hold.isFull()
                let next = try await house.publish("export.mirrored", "exp_1")
                let other = try await house.publish("export.completed", "exp_2")
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 1 }
                #expect(sink.requests.map(\.id) == [held.text, other.text])
                let waiting = try #require(try await house.all(DeliveryFilter(events: [next])).first)
                #expect(waiting.state == .pending)
                #expect(waiting.waitsFor != nil)
                await hold.letGo()
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 3 }
                #expect(sink.requests.map(\.id) == [held.text, other.text, next.text])
            }
        }
    }

    @Test("what is held goes out in order when its subscription is enabled")
    func released() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { sink in
            let id = try await house.subscribe(members(sink, "subscription")).id
            var events = [try await house.publish("export.completed", "exp_0").text]
            _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
            for number in 1..<20 { events.append(try await house.publish("export.completed", "exp_\(number)").text) }
            #expect(try await house.all(DeliveryFilter(states: [.held])).count == 20)
            _ = try await house.subscriptions.update(id, ["enabled": true]) { _, _ in }
            try await house.running(house.engine()) {
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 20 }
            }
            #expect(sink.requests.map(\.id) == events)
        }
    }

    @Test("an order that is asked for later holds for what is open, and nothing waits once it is given up")
    func changed() async throws {
        let house = try await FanoutHouse()
        try await Sink.run { sink in
            let id = try await house.subscribe(members(sink, "none")).id
            for number in 0..<4 { try await house.publish("export.completed", "exp_\(number % 2)", data: [:]) }
            for number in 0..<4 { try await house.publish("export.mirrored", "exp_\(number % 2)", data: [:]) }
            #expect(try await house.all().allSatisfy { $0.waitsFor == nil })
            for (ordering, waiting) in [("subscription", 3), ("export", 2), ("none", 0), ("subscription", 3)] {
                _ = try await house.subscriptions.update(id, ["ordering": .string(ordering)]) { _, _ in }
                #expect(try await house.all().count { $0.waitsFor != nil } == waiting, "\(ordering)")
                #expect(try await house.all().count { $0.nextAttemptAt != nil } == 4 - waiting, "\(ordering)")
            }
            try await house.running(house.engine()) {
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 4 }
            }
            #expect(sink.requests.map(\.id) == (try await house.all().reversed().map(\.event.text)))
        }
    }

    @Test("several gateways keep it, and never two are under way")
    func gateways() async throws {
        let house = try await FanoutHouse()
        let underWay = Mutex((now: 0, most: 0))
        try await Sink.run { _ in
            underWay.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            await Task.yield()
            underWay.withLock { $0.now -= 1 }
            return Response(status: .ok)
        } _: { sink in
            _ = try await house.subscribe(members(sink, "subscription"))
            var events: [String] = []
            try await house.running(house.engine()) {
                try await house.running(house.engine()) {
                    for number in 0..<40 {
                        events.append(try await house.publish("export.completed", "exp_\(number)").text)
                    }
                    try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 40 }
                }
            }
            #expect(sink.requests.map(\.id) == events)
            #expect(underWay.withLock { $0.most } == 1)
        }
    }
}
