import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A team's program that takes webhooks, and believes none that it has not verified.
final class DemoSubscriber: Service {
    let name: String
    private let inbox: AsyncStream<DemoArrival>.Continuation
    private let state: Mutex<State>
    private let ports: AsyncStream<Int>
    private let listening: AsyncStream<Int>.Continuation

    private struct State {
        var secret: SigningSecret?
        /// How many more good webhooks are answered 503.
        var failuresLeft: Int
    }

    /// - Parameter failures: how many webhooks it answers with 503 before it takes one.
    init(_ name: String, failures: Int = 0, inbox: AsyncStream<DemoArrival>.Continuation) {
        self.name = name
        self.inbox = inbox
        state = Mutex(State(failuresLeft: failures))
        (ports, listening) = AsyncStream.makeStream()
    }

    /// Where it takes webhooks, as soon as it does.
    func url() async throws -> String {
        guard let port = await ports.first(where: { _ in true }) else {
            throw DemoFailure("the subscriber \(name) could not listen")
        }
        return "http://127.0.0.1:\(port)/hooks"
    }

    func use(_ secret: SigningSecret) { state.withLock { $0.secret = secret } }

    func run() async throws {
        defer { listening.finish() }
        let router = Router()
        router.post("/hooks") { request, _ in try await self.take(request) }
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                if let port = channel.localAddress?.port { self.listening.yield(port) }
            }, logger: Logger(label: "subscriber") { _ in SwiftLogNoOpLogHandler() })
        try await application.run()
    }

    private func take(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let secret = state.withLock(\.secret)
        var forgery: WebhookVerificationError?
        do throws(WebhookVerificationError) {
            try WebhookSigning.verify(
                id: request.headers.value("webhook-id"), timestamp: request.headers.value("webhook-timestamp"),
                signature: request.headers.value("webhook-signature"), body: Array(body.readableBytesView),
                secrets: secret.map { [$0] } ?? [], now: SystemTimeSource().now())
        } catch {
            forgery = error
        }
        let status = forgery != nil ? 401 : takesNext() ? 204 : 503
        inbox.yield(
            DemoArrival(
                subscriber: name, webhookID: request.headers.value("webhook-id") ?? "",
                event: (try? JSONValue(parsing: String(buffer: body))) ?? .null, forgery: forgery, status: status))
        return Response(status: .init(code: status))
    }

    private func takesNext() -> Bool {
        state.withLock { state in
            if state.failuresLeft == 0 { return true }
            state.failuresLeft -= 1
            return false
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

    /// `crm      ← export.completed evt_…  signature verified  answers 503`
    var text: String {
        let verdict = forgery.map { "NOT VERIFIED: \($0)" } ?? "signature verified"
        let sender = subscriber.padding(toLength: 8, withPad: " ", startingAt: 0)
        return "\(sender)← \(event["type"]?.string ?? "?") \(webhookID)  \(verdict), answers \(status)"
    }
}

extension HTTPFields {
    /// By its name alone: these are no standard fields.
    fileprivate func value(_ name: String) -> String? { HTTPField.Name(name).flatMap { self[$0] } }
}
