import CausewayCore
import Events
import Fanout
import Hummingbird
import OutboundHTTP
import Storage
import Support
import Synchronization
import Testing

// Several engines on one database, each with a clock of its own: one whose clock stands still is asleep.
@Suite("Deliveries by several gateways", .onEveryEngine, .timeLimit(.minutes(9)))
struct GatewaysTests {
    private func members(_ url: String, _ more: [String: JSONValue] = [:]) -> JSONValue {
        .object(["url": .string(url)].merging(more) { $1 })
    }

    @Test("what a gateway that fell asleep had under way is sent by another, and its late report is refused")
    func sleeper() async throws {
        let house = try await FanoutHouse()
        // Ten seconds behind, so that the other one claims; then it goes on while the other's stands still.
        let awake = ManualTimeSource(house.time.now() + .seconds(-10))
        let hold = Hold(first: 1)
        try await Sink.run { _ in
            Response(status: await hold.hang() ? .internalServerError : .ok)
        } _: { sink in
            _ = try await house.subscribe(members(sink.url))
            try await house.running(house.engine(timeout: .seconds(3600))) {
                try await house.running(house.engine(timeout: .seconds(3600), time: awake)) {
                    try await house.publish()
                    await hold.isFull()
                    // 17 s after the claim: the lease is over, and it is looked for at least every two seconds.
                    awake.advance(by: .seconds(27))
                    try await house.until { try await house.only().state == .delivered }
                }
                await hold.letGo()
            }
            #expect(sink.requests.count == 2)
            #expect(try await house.only().state == .delivered)
            #expect(try await house.attempts().map(\.statusCode) == [200])
        }
    }

    @Test("a heartbeat keeps an attempt for as long as it takes")
    func heartbeat() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            _ = try await house.subscribe(members(sink.url))
            let first = house.engine(timeout: .seconds(3600))
            let second = house.engine(timeout: .seconds(3600))
            try await house.running(first) {
                try await house.running(second) {
                    try await house.publish()
                    await hold.isFull()
                    let minute = house.time.now() + .seconds(60)
                    while house.time.now() < minute {
                        // The rounds and the heartbeats of both: none is overtaken by the clock.
                        await house.time.advanceToNextSleeper(of: 4)
                    }
                    await hold.letGo()
                    try await house.until { try await house.only().state == .delivered }
                }
            }
            #expect(sink.requests.count == 1)
        }
    }

    @Test("together they send everything once, and no more at once to one subscription than it allows")
    func together() async throws {
        let house = try await FanoutHouse()
        let underWay = Mutex((now: 0, most: 0))
        try await Sink.run { request in
            guard request.path == "/narrow" else { return Response(status: .ok) }
            underWay.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
            await Task.yield()
            underWay.withLock { $0.now -= 1 }
            return Response(status: .ok)
        } _: { sink in
            _ = try await house.subscribe(
                members("http://127.0.0.1:\(sink.port)/narrow", ["max_in_flight": 3]))
            for _ in 0..<5 { _ = try await house.subscribe(members(sink.url)) }
            try await house.running(house.engine(places: 16)) {
                try await house.running(house.engine(places: 16)) {
                    for number in 0..<40 { try await house.publish("export.completed", "exp_\(number)") }
                    try await house.until {
                        try await house.all(DeliveryFilter(states: [.pending, .delivering])).isEmpty
                    }
                }
            }
            #expect(sink.requests.count == 240)
            let all = try await house.storage.read { transaction in
                try transaction.row("SELECT COUNT(*) AS n FROM delivery WHERE state = 'delivered' AND attempts = 1")
            }
            #expect(try all?["n"] == 240)
            #expect(underWay.withLock { $0.most } <= 3)
        }
    }

    @Test("many that end together are written down and followed in few statements")
    func fewStatements() async throws {
        let house = try await FanoutHouse()
        let arrived = Atomic(0)
        let isFull = Moment()
        try await Sink.run { _ in
            if arrived.add(1, ordering: .relaxed).newValue == 256 { await isFull.happen() }
            await isFull.wait()
            return Response(status: .ok)
        } _: { sink in
            for _ in 0..<8 { _ = try await house.subscribe(members(sink.url, ["max_in_flight": 32])) }
            for number in 0..<64 { try await house.publish("export.completed", "exp_\(number)") }
            let before = house.storage.statistics[.statements]
            try await house.running(house.engine(places: 1024)) {
                try await house.storage.signals.withSubscription(to: [DeliveryEngine.recorded]) { signal in
                    while sink.requests.count < 512 { try await signal.next() }
                }
            }
            let statements = house.storage.statistics[.statements] - before
            let delivered = try await house.storage.read { transaction in
                try transaction.row("SELECT COUNT(*) AS n FROM delivery WHERE state = 'delivered'")
            }
            #expect(try delivered?["n"] == 512)
            // About 40, more on a slow machine, where fewer gather; one by one it would be thousands.
            #expect(statements < 512)
        }
    }

    @Test("disabled and enabled while an attempt is under way: it is sent once")
    func heldAndReleased() async throws {
        let house = try await FanoutHouse()
        let hold = Hold()
        try await Sink.run(holding: hold) { sink in
            let id = try await house.subscribe(members(sink.url)).id
            try await house.running(house.engine()) {
                try await house.publish()
                await hold.isFull()
                _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
                #expect(try await house.only().state == .delivering)
                _ = try await house.subscriptions.update(id, ["enabled": true]) { _, _ in }
                await hold.letGo()
                try await house.until { try await house.only().state == .delivered }
            }
            #expect(sink.requests.count == 1)
        }
    }

    @Test("what fails while its subscription is disabled is held, and goes out when it is enabled")
    func heldAtItsReport() async throws {
        let house = try await FanoutHouse()
        let hold = Hold(first: 1)
        try await Sink.run { _ in
            Response(status: await hold.hang() ? .badGateway : .ok)
        } _: { sink in
            let id = try await house.subscribe(members(sink.url)).id
            try await house.running(house.engine()) {
                try await house.publish()
                await hold.isFull()
                _ = try await house.subscriptions.update(id, ["enabled": false]) { _, _ in }
                await hold.letGo()
                try await house.until { try await house.only().state == .held }
                #expect(try await house.only().attemptCount == 1)
                _ = try await house.subscriptions.update(id, ["enabled": true]) { _, _ in }
                try await house.until { try await house.only().state == .delivered }
            }
            #expect(sink.requests.count == 2)
        }
    }
}
