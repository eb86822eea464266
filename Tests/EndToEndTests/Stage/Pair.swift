import CausewayCore
import Support
import Testing

/// A simulator, a PostgreSQL of its own, and two gateways on it that share a data directory. All ends with the test.
struct Pair: Sendable {
    let simulator: SimulatorProcess
    let cluster: PostgresCluster
    let gateways: [GatewayProcess]
    let directory: TemporaryDirectory
    private let subscribers: Subscribers

    static func run(
        simulator arguments: [String] = [], settings: [String: String] = [:], _ body: (Pair) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let cluster = try await PostgresCluster(isDurable: true)
        let simulator = try await SimulatorProcess.start(arguments, in: directory.path)
        defer { simulator.end() }
        let gateways = try (0..<2).map { _ in
            try GatewayProcess(
                vendorURL: simulator.url, settings: settings.merging(["CAUSEWAY_DATABASE_URL": cluster.url]) { $1 },
                dataDirectory: directory.file("data"))
        }
        defer { gateways.forEach { $0.end() } }
        let subscribers = Subscribers()
        let pair = Pair(
            simulator: simulator, cluster: cluster, gateways: gateways, directory: directory, subscribers: subscribers)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await subscribers.run() }
            defer { group.cancelAll() }
            do {
                // At once, on an empty database.
                async let first: Void = gateways[0].start()
                async let second: Void = gateways[1].start()
                _ = try await (first, second)
                try await body(pair)
            } catch {
                let logs = gateways.map(\.log).joined(separator: "\n== the other ==\n")
                Issue.record(error, "the gateways' logs:\n\(logs)\nthe simulator's:\n\(simulator.story)")
            }
        }
    }

    /// A new endpoint, subscribed to every end, or to these events, through one of the gateways.
    func subscribe(
        _ name: String, through gateway: Int = 0, events: [String] = Subscribers.ends,
        answers: [Subscriber.Answer] = []
    ) async throws -> Stage.Subscription {
        try await subscribers.subscribe(name, at: gateways[gateway], events: events, answers: answers)
    }

    /// What the vendor's importer took, once it is as much: how often each file.
    func imported(_ count: Int) async throws -> [String: Int] {
        let files = try await simulator.get("/simulator/imports?wait=60&count=\(count)").data
        return files.reduce(into: [:]) { $0[$1["sha256"]?.string ?? "", default: 0] += 1 }
    }
}
