import CausewayCore
import Fanout
import HTTPTypes
import Hummingbird
import Logging
import Support
import Synchronization

/// Subscribers' endpoints: one real HTTP server on a free port, a path for each.
final class Subscribers: Sendable {
    private let places = Mutex<[String: Subscriber]>([:])
    private let port = Watched<Int?>(nil)

    /// Serves for as long as it is not cancelled.
    func run() async throws {
        let router = Router()
        router.post("/{name}") { request, context in
            let name = context.parameters.get("name") ?? ""
            guard let subscriber = self.places.withLock({ $0[name] }) else { return Response(status: .notFound) }
            let body = try await request.body.collect(upTo: 1 << 20)
            return await subscriber.answer(
                WebhookRequest(headers: request.headers, body: Array(body.readableBytesView)))
        }
        var logger = Logger(label: "subscribers")
        logger.logLevel = .critical
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                let port = channel.localAddress?.port
                self.port.change { $0 = port }
            }, logger: logger)
        try await application.run()
    }

    /// All but `export.mirrored`, which comes some time after an end.
    static let ends = [
        "export.completed", "export.failed", "export.expired", "import.completed", "import.failed",
        "import.needs_attention", "subscription.failing", "subscription.disabled",
    ]

    /// Such an endpoint, subscribed at a gateway.
    func subscribe(
        _ name: String, at gateway: GatewayProcess, events: [String] = ends, answers: [Subscriber.Answer]
    ) async throws -> Stage.Subscription {
        let endpoint = try await add(name, answers: answers)
        let made = try await gateway.post(
            "/v1/subscriptions",
            ["url": .string(endpoint.url), "events": .array(events.map(JSONValue.string))])
        guard made.status == 201, let id = made["id"]?.string, let secret = made["secret"]?.string else {
            throw NeverHappened(what: "a subscription: \(made.status) \(made.text)")
        }
        return Stage.Subscription(id: id, secret: secret, endpoint: endpoint)
    }

    /// An endpoint that first answers as told, and then 204.
    func add(_ name: String, answers: [Subscriber.Answer]) async throws -> Subscriber {
        let port = try await port.first("the subscribers' port", \.self)
        let subscriber = Subscriber(url: "http://127.0.0.1:\(port)/\(name)", answers: answers)
        places.withLock { $0[name] = subscriber }
        return subscriber
    }
}

final class Subscriber: Sendable {
    enum Answer: Sendable {
        case status(Int)
        /// Nothing until the caller goes.
        case silence
    }

    let url: String
    let requests = Watched<[WebhookRequest]>([])
    private let answers: Mutex<[Answer]>

    init(url: String, answers: [Answer]) {
        self.url = url
        self.answers = Mutex(answers)
    }

    fileprivate func answer(_ request: WebhookRequest) async -> Response {
        let answer = answers.withLock { $0.isEmpty ? .status(204) : $0.removeFirst() }
        requests.change { $0.append(request) }
        switch answer {
        case .status(let code): return Response(status: .init(code: code))
        case .silence:
            // Until the server is cancelled: whoever asked has gone by then.
            try? await Task.sleep(for: .seconds(120))
            return Response(status: .serviceUnavailable)
        }
    }

    /// What has come, once it is as much.
    func received(_ count: Int) async throws -> [WebhookRequest] {
        try await requests.first("\(count) requests at \(url), which got \(requests.value.count)") {
            $0.count >= count ? $0 : nil
        }
    }

    /// What has come, once there are as many different events.
    func events(_ count: Int) async throws -> Set<String> {
        try await requests.first("\(count) events at \(url)") { requests in
            let ids = Set(requests.map(\.id))
            return ids.count >= count ? ids : nil
        }
    }
}

/// A webhook as it came in.
struct WebhookRequest: Sendable {
    let headers: HTTPFields
    let body: [UInt8]

    var id: String { self["webhook-id"] ?? "" }
    var json: JSONValue { (try? JSONValue(parsing: String(decoding: body, as: UTF8.self))) ?? .null }

    subscript(name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

    /// Throws where the signature is not right.
    func verify(_ secret: String) throws {
        try WebhookSigning.verify(
            id: self["webhook-id"], timestamp: self["webhook-timestamp"], signature: self["webhook-signature"],
            body: body, secrets: [SigningSecret(parsing: secret)].compactMap(\.self), now: SystemTimeSource().now())
    }
}
