import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization

/// A program that takes webhooks on a port of its own and verifies each.
final class WebhookReceiver: Service {
    /// One webhook.
    struct Arrival: Sendable {
        let headers: HTTPFields
        let body: [UInt8]
        /// Nil where the signature is right.
        let forgery: WebhookVerificationError?

        var id: String { headers.value("webhook-id") ?? "" }
        /// Null where the body is no JSON.
        var event: JSONValue { (try? JSONValue(parsing: Data(body))) ?? .null }
    }

    /// Larger ones are refused.
    private static let maximumBody = 8 << 20

    private let host: String
    private let port: Int
    private let secret = Mutex<SigningSecret?>(nil)
    private let answer: @Sendable (Arrival) async -> HTTPResponse.Status
    private let ports: AsyncStream<Int>
    private let listening: AsyncStream<Int>.Continuation

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - answer: what a webhook is answered, verified or not.
    init(
        host: String = "127.0.0.1", port: Int = 0,
        answer: @escaping @Sendable (Arrival) async -> HTTPResponse.Status
    ) {
        self.host = host
        self.port = port
        self.answer = answer
        (ports, listening) = AsyncStream.makeStream()
    }

    /// Without one, no webhook is right.
    func use(_ secret: SigningSecret) { self.secret.withLock { $0 = secret } }

    /// Where it listens, as soon as it does; nil where it cannot. To be asked once.
    func listeningPort() async -> Int? { await ports.first { _ in true } }

    func run() async throws {
        defer { listening.finish() }
        let router = Router()
        // The catch-all leaves out the root.
        for path in ["/", "/**"] as [RouterPath] {
            router.post(path) { request, _ in try await self.take(request) }
        }
        let application = Application(
            router: router, configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                if let port = channel.localAddress?.port { self.listening.yield(port) }
            }, logger: Logger(label: "webhooks") { _ in SwiftLogNoOpLogHandler() })
        try await application.run()
    }

    private func take(_ request: Request) async throws -> Response {
        let body = Array(try await request.body.collect(upTo: Self.maximumBody).readableBytesView)
        var forgery: WebhookVerificationError?
        do throws(WebhookVerificationError) {
            try WebhookSigning.verify(
                id: request.headers.value("webhook-id"), timestamp: request.headers.value("webhook-timestamp"),
                signature: request.headers.value("webhook-signature"), body: body,
                secrets: secret.withLock(\.self).map { [$0] } ?? [], now: SystemTimeSource().now())
        } catch {
            forgery = error
        }
        return Response(status: await answer(Arrival(headers: request.headers, body: body, forgery: forgery)))
    }
}

extension HTTPFields {
    /// By its name alone: these are no standard fields.
    func value(_ name: String) -> String? { HTTPField.Name(name).flatMap { self[$0] } }
}
