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

// Stopping, dying, and a store that fails.
extension DeliveryEngineTests {
    @Test("stopping claims nothing more and waits for what is under way")
    func stops() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            _ = try await house.subscribe(members(sink.url, ["max_in_flight": 1]))
            let engine = house.engine()
            try await house.running(engine) {
                try await house.publish("export.completed", "exp_1")
                await hold.isFull()
                engine.stop()
                try await house.publish("export.completed", "exp_2")
                await hold.letGo()
            }
            #expect(try await house.all().map(\.state) == [.pending, .delivered])
            #expect(sink.requests.count == 1)
        }
    }

    @Test(
        "what a dead process had under way is sent by the next one: nothing is lost, and no id is new",
        .only(on: .sqlite))
    func killed() async throws {
        let house = try await FanoutHouse()
        let hold = Hold(of: 4, first: 4)
        try await Sink.run(holding: hold) { sink in
            _ = try await house.subscribe(members(sink.url, ["max_in_flight": 4]))
            var events: Set<String> = []
            for number in 0..<10 { events.insert(try await house.publish("export.completed", "exp_\(number)").text) }
            // Four leases are held by an engine that does nothing more and never gets an answer.
            let dead = house.engine()
            try await house.running(dead) {
                await hold.isFull()
                dead.stop()
                try await house.running(house.engine()) {
                    try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 10 }
                }
                await hold.letGo()
            }
            #expect(Set(sink.requests.compactMap(\.id)) == events)
            #expect(sink.requests.count == 14)
            #expect(try await house.all().allSatisfy { $0.state == .delivered && $0.attemptCount == 1 })
        }
    }

    @Test("an engine that is cancelled gives back what it had under way")
    func cancelled() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            _ = try await house.subscribe(members(sink.url))
            let event = try await house.publish()
            let first = Task { try await house.engine().run() }
            await hold.isFull()
            first.cancel()
            try await first.value
            let delivery = try await house.only()
            #expect(delivery.state == .pending)
            #expect(delivery.attemptCount == 0)
            await hold.letGo()
            try await house.running(house.engine()) {
                house.time.advance(by: .seconds(2))
                try await house.until { try await house.only().state == .delivered }
            }
            #expect(sink.requests.map(\.id) == [event.text, event.text])
        }
    }

    @Test("each attempt leaves one line in the log, without the URL's path, a header or the secret")
    func logLine() async throws {
        let lines = LogLines()
        let house = try await FanoutHouse(logging: lines)
        let count = Atomic(0)
        try await Sink.run { _ in
            Response(status: count.add(1, ordering: .relaxed).newValue == 1 ? .badGateway : .ok)
        } _: { sink in
            let url = "http://127.0.0.1:\(sink.port)/services/T0P5ECRET"
            let subscription = try await house.subscribe(members(url, ["headers": ["Authorization": "Bearer abc123"]]))
            try await house.running(house.engine()) {
                try await house.publish()
                try await house.until { try await house.only().attemptCount == 1 }
                house.time.advance(by: .seconds(7))
                try await house.until { try await house.only().state == .delivered }
            }
            let delivery = try await house.only()
            let attempts = lines.all.filter { $0.message == "delivery attempt" }
            #expect(attempts.map { $0.metadata["status"] } == ["502", "200"])
            #expect(attempts.map(\.level) == [.warning, .info])
            let line = try #require(attempts.first).metadata
            #expect(line["delivery"] == delivery.id.text)
            #expect(line["event"] == delivery.event.text)
            #expect(line["subscription"] == subscription.id.text)
            #expect(line["attempt"] == "1")
            #expect(line["state"] == "pending")
            #expect(line["host"] == "127.0.0.1:\(sink.port)")
            #expect(line["next_attempt_at"] != nil)
            for text in ["T0P5ECRET", "abc123", try #require(subscription.secret?.reveal())] {
                #expect(!lines.all.contains { $0.metadata.values.contains { $0.contains(text) } })
            }
        }
    }

    @Test("while nothing can be written, nothing is lost and nothing more is sent")
    func storeFails() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            _ = try await house.subscribe(members(sink.url, ["max_in_flight": 1]))
            try await house.running(house.engine()) {
                try await house.publish("export.completed", "exp_1")
                try await house.publish("export.completed", "exp_2")
                await hold.isFull()
                _ = try await house.storage.write { transaction in
                    try transaction.execute("ALTER TABLE delivery_attempt RENAME TO delivery_attempt_away")
                }
                await hold.letGo()
                _ = try await house.storage.write { transaction in
                    try transaction.execute("ALTER TABLE delivery_attempt_away RENAME TO delivery_attempt")
                }
                house.time.advance(by: .seconds(2))
                try await house.until { try await house.all(DeliveryFilter(states: [.delivered])).count == 2 }
            }
            #expect(sink.requests.count == 2)
        }
    }
}
