import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import OutboundHTTP

/// A server that says of each webhook what it is and whether to believe it.
final class WebhookListener: Sendable {
    private static let largestBody = 8 << 20

    private let host: String
    private let port: Int
    private let secret: SigningSecret
    private let forward: String?
    private let showsBodies: Bool
    private let ports: AsyncStream<Int>
    private let listening: AsyncStream<Int>.Continuation

    /// - Parameters:
    ///   - port: 0 for a free one.
    ///   - forward: where verified webhooks are sent on to.
    init(host: String, port: Int, secret: SigningSecret, forward: String?, showsBodies: Bool) {
        self.host = host
        self.port = port
        self.secret = secret
        self.forward = forward
        self.showsBodies = showsBodies
        (ports, listening) = AsyncStream.makeStream()
    }

    /// As soon as it listens; nil where it cannot.
    func boundPort() async -> Int? { await ports.first { _ in true } }

    func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }

    /// Until cancelled. Throws where it cannot listen.
    func run() async throws {
        defer { listening.finish() }
        let loop = CurlMultiLoop(logger: Logger(label: "forward") { _ in SwiftLogNoOpLogHandler() })
        try loop.start()
        let client = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: ProductVersion.userAgent))
        let router = Router()
        router.post("/**") { request, _ in try await self.take(request, client) }
        let application = Application(
            router: router, configuration: .init(address: .hostname(host, port: port)),
            onServerRunning: { channel in
                if let port = channel.localAddress?.port { self.listening.yield(port) }
            }, logger: Logger(label: "listener") { _ in SwiftLogNoOpLogHandler() })
        let result: Result<Void, any Error>
        do {
            result = .success(try await application.run())
        } catch is CancellationError {
            result = .success(())
        } catch {
            result = .failure(CommandFailure("\(host):\(port) cannot be listened on: \(error)"))
        }
        await loop.stop()
        try result.get()
    }

    private func take(_ request: Request, _ client: OutboundHTTPClient) async throws -> Response {
        let body = Array(try await request.body.collect(upTo: Self.largestBody).readableBytesView)
        var forgery: WebhookVerificationError?
        do throws(WebhookVerificationError) {
            try WebhookSigning.verify(
                id: request.headers.text("webhook-id"), timestamp: request.headers.text("webhook-timestamp"),
                signature: request.headers.text("webhook-signature"), body: body, secrets: [secret],
                now: SystemTimeSource().now())
        } catch {
            forgery = error
        }
        let (status, words) =
            if let forgery {
                (401, "NOT VERIFIED: \(forgery)")
            } else {
                await answer(request, body, client)
            }
        tell(request, body, "\(words), answered \(status)")
        return Response(status: .init(code: status))
    }

    /// What the program behind says of a verified webhook, if there is one.
    private func answer(
        _ request: Request, _ body: [UInt8], _ client: OutboundHTTPClient
    ) async -> (status: Int, words: String) {
        guard let forward else { return (204, "verified") }
        var headers = HTTPFields()
        for field in request.headers
        where field.name == .contentType || field.name.canonicalName.hasPrefix("webhook-") {
            headers.append(field)
        }
        do throws(OutboundError) {
            let answer = try await client.send(
                OutboundRequest(
                    .post, forward, headers: headers, body: .bytes(body), egress: .unrestricted,
                    answer: .beginning(upTo: 4096)))
            return (answer.status.code, "verified, forwarded")
        } catch {
            return (502, "verified, NOT FORWARDED: \(error.words)")
        }
    }

    private func tell(_ request: Request, _ body: [UInt8], _ verdict: String) {
        let text = String(decoding: body, as: UTF8.self)
        let event = try? JSONValue(parsing: text)
        let type = event?["type"]?.string ?? event?["event"]?.string ?? "?"
        let id = request.headers.text("webhook-id") ?? "without an id"
        say(Self.printable("\(SystemTimeSource().now().rfc3339)  \(type)  \(id)  \(verdict)"))
        if showsBodies { say("  \(Self.printable(text))") }
    }

    /// What came from anybody must not steer a terminal.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : Character($0) })
    }
}

extension HTTPFields {
    /// By its name alone: these are no standard fields.
    fileprivate func text(_ name: String) -> String? { HTTPField.Name(name).flatMap { self[$0] } }
}
