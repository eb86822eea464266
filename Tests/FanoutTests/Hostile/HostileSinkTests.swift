import CausewayCore
import Events
import Fanout
import Foundation
import OutboundHTTP
import Storage
import Support
import Testing

@Suite("Endpoints that mean ill", .onEveryEngine, .timeLimit(.minutes(9)))
struct HostileSinkTests {
    @Test("whatever they answer is named, cut off and done with, and delays nobody else")
    func quick() async throws {
        try await Self.run(HostileSink.quick, timeout: patience) { attempt, sink in
            if sink.status != nil, sink.body == nil {
                #expect(attempt.responseBody?.contains("AAAA") == false, "\(sink.name)")
            } else {
                #expect(attempt.responseBody == sink.body, "\(sink.name)")
            }
        }
    }

    @Test("those that never end are ended by the time-out", .inRealTime)
    func slow() async throws {
        try await Self.run(HostileSink.slow, timeout: RealTime.limit) { attempt, sink in
            #expect(attempt.responseBody?.hasPrefix(sink.body ?? "") == sink.body.map { _ in true }, "\(sink.name)")
        }
    }

    @Test("those that answer without reading the request are taken at their word", .inRealTime)
    func early() async throws {
        let gate = DispatchSemaphore(value: 0)
        // More than any socket's buffers hold.
        let data: JSONValue = ["report": .string(String(repeating: "x", count: 16 << 20))]
        try await Self.run(HostileSink.early(gate), timeout: RealTime.limit * 3, data: data) { attempt, sink in
            #expect(attempt.responseBody == sink.body, "\(sink.name)")
        }
        gate.signal()
    }

    /// Subscribes them all, and one that is well, sends them an event each and looks at what came of it.
    private static func run(
        _ sinks: [HostileSink], timeout: Duration, data: JSONValue = ["report": "vrc_1"],
        _ check: (DeliveryAttempt, HostileSink) throws -> Void
    ) async throws {
        let lines = LogLines()
        let house = try await FanoutHouse(logging: lines)
        try await Sink.run { well in
            let peers = try sinks.map { try Peer($0.behaviour) }
            var subscriptions: [SubscriptionID] = []
            for peer in peers {
                let members: JSONValue = [
                    "url": .string(peer.url), "events": ["export.completed"], "retry_schedule": [],
                ]
                subscriptions.append(try await house.subscribe(members).id)
            }
            let healthy = try await house.subscribe(["url": .string(well.url), "events": ["export.failed"]])
            try await house.publish(data: data)
            try await house.running(house.engine(timeout: timeout)) {
                for number in 1...20 { try await house.publish("export.failed", "exp_\(number)") }
                try await house.until {
                    // Otherwise one that is charged to nobody would be tried for ever.
                    if let line = lines.all.first(where: { $0.metadata["reason"] != nil }) {
                        let index = subscriptions.firstIndex { "\($0)" == line.metadata["subscription"] }
                        throw GivenBack(name: index.map { sinks[$0].name }, reason: line.metadata["reason"])
                    }
                    return try await house.all(DeliveryFilter(states: [.pending, .delivering])).isEmpty
                }
            }
            for request in well.requests {
                try request.verify(with: healthy.secret?.reveal() ?? "", now: house.time.now())
            }
            let ofHealthy = DeliveryFilter(subscriptions: [healthy.id])
            #expect(try await house.all(ofHealthy).map(\.state) == Array(repeating: .delivered, count: 20))
            #expect(well.requests.count == 20)

            for ((sink, peer), subscription) in zip(zip(sinks, peers), subscriptions) {
                let delivery = try #require(try await house.all(DeliveryFilter(subscriptions: [subscription])).first)
                let attempts = try await house.deliveries.delivery(delivery.id).attempts
                let attempt = try #require(attempts.first, "\(sink.name)")
                #expect(attempts.count == 1, "\(sink.name)")
                #expect(delivery.state == sink.state, "\(sink.name)")
                #expect(attempt.statusCode == sink.status, "\(sink.name)")
                #expect(attempt.error == sink.error, "\(sink.name): \(attempt.errorDetail ?? "")")
                #expect((attempt.errorDetail == nil) == (sink.error == nil), "\(sink.name)")
                #expect(attempt.responseBody?.utf8.count ?? 0 <= DeliveryAttempt.responseLimit, "\(sink.name)")
                #expect(peer.connectionCount == 1, "\(sink.name)")
                // What was read of it, and what fits into the buffers of two sockets.
                #expect(peer.sentCount < 32 << 20, "\(sink.name)")
                try check(attempt, sink)
            }
        }
    }
}

private struct GivenBack: Error {
    let name: String?
    let reason: String?
}

@Suite(
    "Endpoints whose TLS is not to be trusted", .onEveryEngine, .timeLimit(.minutes(9)),
    .enabled(if: Nginx.isInstalled, "needs nginx and openssl"))
struct HostileTLSTests {
    @Test("nobody's certificate, another name's, one whose time is over, and no TLS at all: nothing is sent")
    func refused() async throws {
        let (good, expired) = (try Nginx(), try Nginx(isExpired: true))
        let plain = try Peer { connection in
            _ = try connection.read(5)
            try connection.answer("400 Bad Request")
        }
        let cases: [(url: String, caFile: String?)] = [
            (good.url, nil), ("https://127.0.0.1:\(good.port)/", good.certificate), (expired.url, expired.certificate),
            (plain.url.replacingOccurrences(of: "http:", with: "https:"), nil),
        ]
        for (url, caFile) in cases {
            let house = try await FanoutHouse(allowing: ["127.0.0.0/8", "::1"], caFile: caFile)
            _ = try await house.subscribe(["url": .string(url), "retry_schedule": []])
            try await house.running(house.engine(timeout: patience)) {
                try await house.publish()
                try await house.until { try await house.only().state == .failed }
            }
            let attempt = try #require(try await house.attempts().first)
            #expect(attempt.error == .tls, "\(url): \(attempt.errorDetail ?? "")")
            #expect(attempt.statusCode == nil)
        }
        // The same, trusted.
        let house = try await FanoutHouse(allowing: ["127.0.0.0/8", "::1"], caFile: good.certificate)
        _ = try await house.subscribe(["url": .string(good.url)])
        try await house.running(house.engine(timeout: patience)) {
            try await house.publish()
            try await house.until { try await house.only().state == .delivered }
        }
    }
}
