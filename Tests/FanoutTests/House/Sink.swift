import CausewayCore
import Fanout
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization

/// A subscriber's endpoint: a real HTTP server on a free port that notes what comes and answers as told.
final class Sink: Sendable {
    struct Request: Sendable {
        let path: String
        let headers: HTTPFields
        let body: [UInt8]

        var id: String? { self["webhook-id"] }
        subscript(name: String) -> String? { HTTPField.Name(name).flatMap { headers[$0] } }

        func verify(with secret: String, now: Timestamp) throws {
            try WebhookSigning.verify(
                id: self["webhook-id"], timestamp: self["webhook-timestamp"], signature: self["webhook-signature"],
                body: body, secrets: [SigningSecret(parsing: secret)].compactMap { $0 }, now: now)
        }
    }

    typealias Answer = @Sendable (Request) async -> Response

    let port: Int
    private let received = Mutex<[Request]>([])

    var requests: [Request] { received.withLock { $0 } }
    var url: String { "http://127.0.0.1:\(port)/hook" }

    private init(port: Int) { self.port = port }

    static let noContent: Answer = { _ in Response(status: .noContent) }

    /// Runs one for as long as `body` does.
    static func run(
        answer: @escaping Answer = noContent, _ body: (Sink) async throws -> Void
    ) async throws {
        let place = Mutex<Sink?>(nil)
        let started = Moment()
        let router = Router()
        router.post("/**") { request, _ in
            let buffer = try await request.body.collect(upTo: 1 << 20)
            let received = Request(
                path: request.uri.path, headers: request.headers, body: Array(buffer.readableBytesView))
            let sink = place.withLock { $0 }
            sink?.received.withLock { $0.append(received) }
            return await answer(received)
        }
        var logger = Logger(label: "sink")
        logger.logLevel = .critical
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                place.withLock { $0 = Sink(port: channel.localAddress?.port ?? 0) }
                await started.happen()
            }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            await started.wait()
            defer { group.cancelAll() }
            if let sink = place.withLock({ $0 }) { try await body(sink) }
        }
    }
}

extension Sink {
    /// Runs one whose requests hang until `hold` lets go of them, and are answered with 200 then.
    static func run(holding hold: Hold, _ body: (Sink) async throws -> Void) async throws {
        try await run(
            answer: { _ in
                await hold.hang()
                return Response(status: .ok)
            }, body)
    }
}

/// Something that happens once and is waited for.
actor Moment {
    private var happened = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    func happen() {
        happened = true
        for waiter in waiters { waiter.resume() }
        waiters = []
    }

    func wait() async {
        if happened { return }
        await withCheckedContinuation { waiters.append($0) }
    }
}
