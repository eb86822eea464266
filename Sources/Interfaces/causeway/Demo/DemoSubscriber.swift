import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import ServiceLifecycle
import Synchronization

/// A team's program that takes webhooks, and believes none that it has not verified.
final class DemoSubscriber: Service {
    let name: String
    private let receiver: WebhookReceiver

    /// - Parameter failures: how many webhooks it answers with 503 before it takes one.
    init(_ name: String, failures: Int = 0, inbox: AsyncStream<DemoArrival>.Continuation) {
        self.name = name
        let failuresLeft = Counter(failures)
        receiver = WebhookReceiver { arrival in
            let status = arrival.forgery != nil ? 401 : failuresLeft.takeOne() ? 503 : 204
            inbox.yield(DemoArrival(subscriber: name, webhook: arrival, status: status))
            return .init(code: status)
        }
    }

    /// Where it takes webhooks, as soon as it does.
    func url() async throws -> String {
        guard let port = await receiver.listeningPort() else {
            throw DemoFailure("the subscriber \(name) could not listen")
        }
        return "http://127.0.0.1:\(port)/hooks"
    }

    func use(_ secret: SigningSecret) { receiver.use(secret) }

    func run() async throws { try await receiver.run() }

    private final class Counter: Sendable {
        private let left: Mutex<Int>

        init(_ count: Int) { left = Mutex(count) }

        /// False where none is left.
        func takeOne() -> Bool {
            left.withLock { left in
                if left == 0 { return false }
                left -= 1
                return true
            }
        }
    }
}

/// One webhook at a subscriber.
struct DemoArrival: Sendable {
    let subscriber: String
    let webhookID: String
    let event: JSONValue
    /// Nil where the signature is right.
    let forgery: WebhookVerificationError?
    /// What it was answered.
    let status: Int

    init(subscriber: String, webhook: WebhookReceiver.Arrival, status: Int) {
        self.subscriber = subscriber
        webhookID = webhook.id
        event = webhook.event
        forgery = webhook.forgery
        self.status = status
    }

    /// `crm      ← export.completed evt_…  signature verified  answers 503`
    var text: String {
        let verdict = forgery.map { "NOT VERIFIED: \($0)" } ?? "signature verified"
        let sender = subscriber.padding(toLength: 8, withPad: " ", startingAt: 0)
        return "\(sender)← \(event["type"]?.string ?? "?") \(webhookID)  \(verdict), answers \(status)"
    }
}
