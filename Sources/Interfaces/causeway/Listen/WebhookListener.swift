import CausewayCore
import Fanout
import Foundation
import HTTPTypes
import Logging
import OutboundHTTP

/// Says of each webhook what it is and whether to believe it, and sends it on if asked.
final class WebhookListener: Sendable {
    private let host: String
    private let port: Int
    private let receiver: WebhookReceiver
    private let loop: CurlMultiLoop

    /// - Parameters:
    ///   - port: 0 for a free one.
    ///   - forward: where verified webhooks are sent on to.
    init(host: String, port: Int, secret: SigningSecret, forward: String?, showsBodies: Bool) {
        self.host = host
        self.port = port
        let loop = CurlMultiLoop(logger: Logger(label: "forward") { _ in SwiftLogNoOpLogHandler() })
        let client = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: ProductVersion.userAgent))
        self.loop = loop
        receiver = WebhookReceiver(host: host, port: port) { webhook in
            let (status, words) =
                if let forgery = webhook.forgery {
                    (401, "NOT VERIFIED: \(forgery)")
                } else {
                    await Self.answer(webhook, forward, client)
                }
            Self.tell(webhook, "\(words), answered \(status)", showsBody: showsBodies)
            return .init(code: status)
        }
        receiver.use(secret)
    }

    /// As soon as it listens; nil where it cannot.
    func boundPort() async -> Int? { await receiver.listeningPort() }

    func say(_ text: String) { Self.say(text) }

    /// Until cancelled. Throws where it cannot listen.
    func run() async throws {
        try loop.start()
        let result: Result<Void, any Error>
        do {
            result = .success(try await receiver.run())
        } catch is CancellationError {
            result = .success(())
        } catch {
            result = .failure(CommandFailure("\(host):\(port) cannot be listened on: \(error)"))
        }
        await loop.stop()
        try result.get()
    }

    /// What the program behind says of a verified webhook, if there is one.
    private static func answer(
        _ webhook: WebhookReceiver.Arrival, _ forward: String?, _ client: OutboundHTTPClient
    ) async -> (status: Int, words: String) {
        guard let forward else { return (204, "verified") }
        var headers = HTTPFields()
        for field in webhook.headers
        where field.name == .contentType || field.name.canonicalName.hasPrefix("webhook-") {
            headers.append(field)
        }
        do throws(OutboundError) {
            let answer = try await client.send(
                OutboundRequest(
                    .post, forward, headers: headers, body: .bytes(webhook.body), egress: .unrestricted,
                    answer: .beginning(upTo: 4096)))
            return (answer.status.code, "verified, forwarded")
        } catch {
            return (502, "verified, NOT FORWARDED: \(error.words)")
        }
    }

    private static func tell(_ webhook: WebhookReceiver.Arrival, _ verdict: String, showsBody: Bool) {
        let event = webhook.event
        let type = event["type"]?.string ?? event["event"]?.string ?? "?"
        let id = webhook.id.isEmpty ? "without an id" : webhook.id
        say(printable("\(SystemTimeSource().now().rfc3339)  \(type)  \(id)  \(verdict)"))
        if showsBody { say("  \(printable(String(decoding: webhook.body, as: UTF8.self)))") }
    }

    private static func say(_ text: String) { FileHandle.standardOutput.write(Data("\(text)\n".utf8)) }

    /// What came from anybody must not steer a terminal.
    private static func printable(_ text: String) -> String {
        String(text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : Character($0) })
    }
}
