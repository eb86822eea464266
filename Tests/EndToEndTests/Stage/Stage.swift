import CausewayCore
import Foundation
import Support
import Testing

/// A simulator, a gateway and subscribers, each a real server on a free port. All ends with the test.
struct Stage: Sendable {
    let simulator: SimulatorProcess
    let gateway: GatewayProcess
    let directory: TemporaryDirectory
    private let subscribers: Subscribers

    /// - Parameters:
    ///   - simulator: options of `causeway simulate`.
    ///   - settings: environment of `causeway serve` besides what every test needs; an empty text takes one out.
    ///   - onTheWay: what the gateway's connections to the vendor's API pass.
    static func run(
        simulator arguments: [String] = [], settings: [String: String] = [:], startsGateway: Bool = true,
        onTheWay filter: (@Sendable () -> LoopbackProxy.Filter)? = nil, _ body: (Stage) async throws -> Void
    ) async throws {
        let directory = try TemporaryDirectory()
        let simulator = try await SimulatorProcess.start(arguments, in: directory.path)
        defer { simulator.end() }
        let proxy = try filter.map { try LoopbackProxy(to: URL(string: simulator.url)?.port ?? 0, filter: $0) }
        defer { proxy?.end() }
        let gateway = try GatewayProcess(
            vendorURL: proxy.map { "http://127.0.0.1:\($0.port)" } ?? simulator.url, settings: settings,
            dataDirectory: directory.file("data"))
        defer { gateway.end() }
        let subscribers = Subscribers()
        let stage = Stage(simulator: simulator, gateway: gateway, directory: directory, subscribers: subscribers)
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await subscribers.run() }
            defer { group.cancelAll() }
            do {
                if startsGateway { try await gateway.start() }
                try await body(stage)
            } catch {
                Issue.record(error, "the gateway's log:\n\(gateway.log)\nthe simulator's:\n\(simulator.story)")
            }
            await stage.checkSecrets()
        }
    }

    /// Whatever a test does: what is secret stands in no log.
    private func checkSecrets() async {
        var secrets = ["sk_test", "pk_test", Data("pk_test:sk_test".utf8).base64EncodedString()]
        secrets += [GatewayProcess.adminKey, "whsec_", "cwy_", "signature="]
        let state = (try? await simulator.get("/simulator/state").json) ?? .null
        let addresses =
            (state["exports"]?.array ?? []).map { $0["webhook_target_url"] }
            + (state["subscriptions"]?.array ?? []).map { $0["target_url"] }
        secrets += addresses.compactMap { $0?.string?.split(separator: "/").last.map(String.init) }
        let log = gateway.log
        for secret in secrets { #expect(!log.contains(secret), "\(secret) stands in the log") }
    }

    // MARK: Subscribing

    struct Subscription: Sendable {
        let id: String
        let secret: String
        let endpoint: Subscriber

        /// All that came is signed rightly, and tells of these events.
        func expect(events: Set<String>, sourceLocation: SourceLocation = #_sourceLocation) {
            let requests = endpoint.requests.value
            #expect(Set(requests.map(\.id)) == events, sourceLocation: sourceLocation)
            for request in requests {
                #expect(throws: Never.self, sourceLocation: sourceLocation) { try request.verify(secret) }
            }
        }
    }

    /// A new endpoint, subscribed to every end, or to these events.
    func subscribe(
        _ name: String, events: [String] = Subscribers.ends, answers: [Subscriber.Answer] = []
    ) async throws -> Subscription {
        try await subscribers.subscribe(name, at: gateway, events: events, answers: answers)
    }

    /// The deliveries of a subscription, newest first.
    func deliveries(of subscription: Subscription) async throws -> [JSONValue] {
        try await gateway.get("/v1/deliveries?subscription=\(subscription.id)").data
    }
}
