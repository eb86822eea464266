import CausewayCore
import Events
import Fanout
import Foundation
import OutboundHTTP
import Storage

extension StorageBench {
    /// How long healthy subscribers wait for an event, from its publishing to their answer, in milliseconds; beside
    /// subscribers whose endpoint never takes a connection.
    /// - Parameter isKnown: all of them have answered for long when the dead ones stop to; else all are new.
    func fairness(
        dead: Int, isKnown: Bool, to url: String, healthy: Int = 10, events: Int = 300,
        interval: Duration = .milliseconds(200)
    ) async throws -> (p50: Int64, p99: Int64, dead: Int) {
        let time = SystemTimeSource()
        let egress = EgressPolicy(allowing: try AllowedNetworks(parsing: ["127.0.0.0/8"]))
        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let deliveries = DeliveryEngine(
            engine: engine, client: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "bench")),
            time: time, logger: quiet, settings: .init(egress: egress, userAgent: "bench"))
        let operations = SubscriptionOperations(engine: engine, time: time, egress: egress)
        let hole = try BlackHole()
        var ids: Set<SubscriptionID> = []
        for number in 0..<dead + healthy {
            let isDead = number < dead
            let subscription = try await operations.create(["url": .string(isDead ? hole.url : url)]) { _, _ in }
            if !isDead { ids.insert(subscription.id) }
        }
        if isKnown { _ = try await engine.write { try $0.execute("UPDATE delivery_lane SET pace = 0") } }
        try await publishing(events, every: interval, deliveries)
        await loop.stop()
        let waits = try await waits(of: ids)
        guard waits.count == events * healthy else { throw Undelivered(count: events * healthy - waits.count) }
        let tried = try await engine.read {
            try $0.row("SELECT COUNT(*) AS n FROM delivery_attempt WHERE error IS NOT NULL")
        }
        return (waits[waits.count / 2], waits[waits.count * 99 / 100], try tried?["n"] ?? 0)
    }
}

/// A port that lets nobody in: its queue is full, and never emptied.
private final class BlackHole: Sendable {
    private let sockets: [Int32]
    let url: String

    init() throws {
        func address(_ port: UInt16) -> sockaddr_in {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = unsafe inet_addr("127.0.0.1")
            return address
        }
        func with(_ address: sockaddr_in, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
            var address = address
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard unsafe with(address(0), { unsafe bind(listener, $0, $1) }) == 0, listen(listener, 0) == 0 else {
            throw POSIXError(.EADDRNOTAVAIL)
        }
        var bound = sockaddr_in()
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let named = unsafe withUnsafeMutablePointer(to: &bound) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(listener, $0, &size)
            }
        }
        guard named == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
        let port = UInt16(bigEndian: bound.sin_port)
        var sockets = [listener]
        for _ in 0..<4 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
            _ = unsafe with(address(port), { unsafe connect(client, $0, $1) })
            sockets.append(client)
        }
        self.sockets = sockets
        url = "http://127.0.0.1:\(port)/"
    }

    deinit { for socket in sockets { close(socket) } }
}
