import CausewayCore
import Fanout
import Foundation

/// A listener's subscription at the gateway. Its description names machine and process, so that one which a killed
/// listener had to leave is known by the next.
struct ListenSubscription: Sendable {
    private static let prefix = "causeway listen on "

    private let events: [String]?
    private let secret: SigningSecret
    private let machine = ProcessInfo.processInfo.hostName
    private let process = ProcessInfo.processInfo.processIdentifier

    init(events: [String]?, secret: SigningSecret) {
        self.events = events
        self.secret = secret
    }

    /// Takes leftovers away, then subscribes.
    func begin(at url: String, _ client: GatewayClient) async throws {
        try await remove(client) { subscription in
            guard let owner = owner(of: subscription) else { return false }
            return !Self.isAlive(owner) || subscription["url"]?.string == url
        }
        var body: [String: JSONValue] = [
            "url": .string(url), "description": .string("\(Self.prefix)\(machine), process \(process)"),
            "secret": .string(secret.text.reveal()),
            // Nobody waits for what comes hours later.
            "retry_schedule": "1s,5s,30s",
        ]
        if let events { body["events"] = .array(events.map(JSONValue.string)) }
        _ = try await client.post("/v1/subscriptions", .object(body), idempotencyKey: UUID().uuidString)
    }

    /// Takes away what this process has made.
    func end(_ client: GatewayClient) async throws {
        try await remove(client) { owner(of: $0) == process }
    }

    /// The process that made a subscription, where it was a listener on this machine.
    private func owner(of subscription: JSONValue) -> Int32? {
        guard let words = subscription["description"]?.string, words.hasPrefix("\(Self.prefix)\(machine), process ")
        else { return nil }
        return words.split(separator: " ").last.flatMap { Int32($0) }
    }

    private static func isAlive(_ process: Int32) -> Bool { kill(process, 0) == 0 || errno == EPERM }

    private func remove(_ client: GatewayClient, where isChosen: (JSONValue) -> Bool) async throws {
        var cursor = ""
        while true {
            let page = try await client.get("/v1/subscriptions?limit=200\(cursor)")
            for subscription in page["data"]?.array ?? [] where isChosen(subscription) {
                guard let id = subscription["id"]?.string else { continue }
                try await client.delete("/v1/subscriptions/\(GatewayClient.segment(id))")
            }
            guard let next = page["next_cursor"]?.string else { return }
            cursor = "&cursor=\(GatewayClient.segment(next))"
        }
    }
}
