import CausewayCore
import Events
import Storage
import Support
import Testing

@testable import Fanout
@testable import WorkQueue

@Suite("Thousands of deliveries follow their subscription", .onEveryEngine, .timeLimit(.minutes(5)))
struct SubscriptionWalkTests {
    private static let count = 5000

    private struct Stage {
        let house: FanoutHouse
        let subscription: SubscriptionID
        private let queue = DeliveryQueue(laneLimit: 500)

        init() async throws {
            house = try await FanoutHouse()
            subscription = try await house.subscribe(["url": "http://127.0.0.1:9/"]).id
            for start in stride(from: 0, to: count, by: 500) {
                _ = try await house.storage.write { [now = house.time.now()] transaction in
                    try EventLog().append(
                        (start..<start + 500).map {
                            EventDraft(
                                type: "export.completed", resource: "exp_\($0)", timestamp: now, data: [:])
                        }, in: transaction)
                }
            }
            while try await house.dispatcher.dispatchOnce() > 0 {}
        }

        func change(_ members: JSONValue) async throws {
            _ = try await house.subscriptions.update(subscription, members) { _, _ in }
        }

        /// Steps of walks; those that a process began and died in come back after their lease. Returns how many were made.
        @discardableResult
        func walk(_ most: Int = .max, dying: Bool = false) async throws -> Int {
            let (work, handler) = (
                WorkQueue(), SubscriptionWalking(engine: house.storage, queue: WorkQueue(), time: house.time).handler
            )
            for step in 0..<most {
                let items = try await house.storage.write { [now = house.time.now()] transaction in
                    try work.claim(handler.kind, limit: 1, at: now, until: now + .seconds(15), in: transaction)
                }
                guard let item = items.first else { return step }
                if dying { continue }
                _ = try await handler.work(item)
            }
            return most
        }

        func states() async throws -> [Delivery.State: Int] {
            let rows = try await house.storage.read { transaction in
                try transaction.rows("SELECT state, COUNT(*) AS found FROM delivery GROUP BY state").map {
                    (try $0["state"] as Delivery.State, try $0["found"] as Int)
                }
            }
            return Dictionary(uniqueKeysWithValues: rows)
        }

        func claimed() async throws -> Int {
            try await house.storage.write { [queue, now = house.time.now()] transaction in
                let claims = try queue.claim(
                    DeliveryPlaces.Room(answering: 100, trying: 100, failing: 100, slow: 100), at: now,
                    until: now + .seconds(15), in: transaction
                ).deliveries
                // Given back, as by a process that died.
                _ = try transaction.execute(
                    "UPDATE delivery SET state = 'pending', visible_at = \(now) WHERE state = 'delivering'")
                _ = try transaction.execute("UPDATE delivery_lane SET ready_at = \(now)")
                return claims.count
            }
        }
    }

    @Test("disabled, none goes out from then on and all are held; enabled in the middle of that, all are due again")
    func backAgain() async throws {
        let stage = try await Stage()
        try await stage.change(["enabled": false])
        #expect(try await stage.states() == [.held: 500, .pending: Self.count - 500])
        #expect(try await stage.claimed() == 0)
        #expect(try await stage.walk(3) == 3)
        #expect(try await stage.claimed() == 0)
        let held = try await stage.states()[.held, default: 0]
        #expect((2000..<Self.count).contains(held))
        try await stage.change(["enabled": true])
        // The rest of the first walk ends at once, and the second passes all.
        #expect(try await stage.walk() == 11)
        #expect(try await stage.states() == [.pending: Self.count])
        #expect(try await stage.claimed() > 0)
        try await stage.change(["enabled": false])
        try await stage.change(["enabled": true])
        try await stage.change(["enabled": false])
        try await stage.walk()
        #expect(try await stage.states() == [.held: Self.count])
        try await stage.change(["enabled": true])
        // While they are on their way out none expires, however long they have been held.
        stage.house.time.advance(by: .seconds(3600))
        let expired = try await stage.house.storage.write { [now = stage.house.time.now()] in
            try HeldDeliveries(keptFor: .seconds(60)).expire(at: now, limit: Self.count, in: $0)
        }
        #expect(expired == 0)
        try await stage.walk()
        #expect(try await stage.states() == [.pending: Self.count])
        let left = try await stage.house.storage.read {
            try $0.count("delivery_lane WHERE walk IS NOT NULL OR probe_at IS NOT NULL")
        }
        #expect(left == 0)
    }

    @Test("deleted, all are cancelled, also where processes die on the way; what is disabled on the way too")
    func deleted() async throws {
        let stage = try await Stage()
        try await stage.change(["enabled": false])
        try await stage.walk(2)
        try await stage.house.subscriptions.delete(stage.subscription) { _, _ in }
        #expect(try await stage.claimed() == 0)
        try await stage.walk(3)
        #expect(try await stage.walk(dying: true) > 0)
        #expect(try await stage.walk() == 0)
        stage.house.time.advance(by: .seconds(16))
        try await stage.walk()
        #expect(try await stage.states() == [.cancelled: Self.count])
        #expect(try await stage.house.storage.read { try $0.count("work_item") } == 0)
    }

    @Test("given an order, all wait for what is under way, however new that is")
    func orderedUnderWay() async throws {
        let stage = try await Stage()
        _ = try await stage.house.storage.write { [now = stage.house.time.now()] transaction in
            try transaction.execute(
                """
                UPDATE delivery SET state = 'delivering', visible_at = \(now + .seconds(15))
                WHERE number = (SELECT MAX(number) FROM delivery)
                """)
        }
        try await stage.change(["ordering": "subscription"])
        try await stage.walk()
        #expect(try await stage.house.storage.read { try $0.count("delivery WHERE visible_at IS NOT NULL") } == 1)
    }

    @Test("given an order, nothing is claimed before all are in it; given another on the way, they are in that")
    func ordered() async throws {
        let stage = try await Stage()
        try await stage.change(["ordering": "export"])
        #expect(try await stage.claimed() == 0)
        try await stage.walk(4)
        try await stage.change(["ordering": "subscription"])
        try await stage.walk(5)
        #expect(try await stage.claimed() == 0)
        try await stage.walk()
        #expect(try await stage.claimed() == 1)
        let (due, all): ([Int64], [Int64]) = try await stage.house.storage.read { transaction in
            (
                try transaction.rows("SELECT number FROM delivery WHERE visible_at IS NOT NULL")
                    .map { try $0["number"] },
                try transaction.rows("SELECT number FROM delivery ORDER BY number").map { try $0["number"] }
            )
        }
        #expect(due == [all[0]])
        try await stage.change(["ordering": "none"])
        try await stage.walk()
        #expect(try await stage.claimed() > 1)
    }
}
