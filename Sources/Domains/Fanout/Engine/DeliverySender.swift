import CausewayCore
import Events
import HTTPTypes
import OutboundHTTP

/// Makes one attempt: signs, sends, and reads the beginning of the answer.
struct DeliverySender: Sendable {
    let client: OutboundHTTPClient
    let time: any TimeSource
    let egress: EgressPolicy
    let timeout: Duration
    let userAgent: String
    /// Who we are, for CloudEvents.
    let eventSource: String

    /// Returns after `timeout` at the latest, whatever the endpoint does.
    func attempt(_ delivery: ClaimedDelivery) async -> AttemptReport {
        let startedAt = time.now()
        let secrets = delivery.subscription.terms.secrets.filter { $0.signs(at: startedAt) }
        guard !secrets.isEmpty else {
            return AttemptReport(
                delivery: delivery, startedAt: startedAt, duration: .zero, remoteAddress: nil,
                outcome: .abandoned(reason: "its signing secret cannot be read under secrets.key"))
        }
        // Of a subscription that is older than the setting.
        if egress.ports != nil, let url = try? OutboundURL(delivery.subscription.terms.url),
            !egress.allows(port: url.port)
        {
            return AttemptReport(
                delivery: delivery, startedAt: startedAt, duration: .zero, remoteAddress: nil,
                outcome: .unanswered(
                    .egressDenied, detail: "port \(url.port) is not open to webhooks: \(WebhookURL.portMend)"))
        }
        do {
            let answer = try await client.send(request(for: delivery, at: startedAt, secrets: secrets))
            let retryAfter = answer.headers[.retryAfter].flatMap { RetryAfter.parse($0, now: time.now()) }
            return AttemptReport(
                delivery: delivery, startedAt: startedAt, duration: answer.timings.total,
                remoteAddress: answer.head.remoteAddress,
                outcome: .answered(status: answer.status.code, body: answer.body, retryAfter: retryAfter),
                timings: answer.timings)
        } catch {
            return AttemptReport(
                delivery: delivery, startedAt: startedAt, duration: error.timings.total,
                remoteAddress: error.remoteAddress, outcome: outcome(of: error), timings: error.timings)
        }
    }

    private func request(
        for delivery: ClaimedDelivery, at now: Timestamp, secrets: [LiveSecret]
    ) -> OutboundRequest {
        let terms = delivery.subscription.terms
        let id = delivery.event.id.text
        // Each attempt is signed anew: a verifier refuses a timestamp of more than five minutes ago.
        let timestamp = now.milliseconds / 1000
        let message = WebhookMessage(delivery.event, format: terms.format, source: eventSource)
        let own = [
            ("content-type", message.contentType), ("user-agent", userAgent), ("webhook-id", id),
            ("webhook-timestamp", String(timestamp)),
            (
                "webhook-signature",
                WebhookSigning.signature(
                    id: id, timestamp: timestamp, body: message.body, secrets: secrets, versions: terms.signatures)
            ),
        ]
        var headers = HTTPFields()
        for (name, value) in own + terms.headers.map({ ($0, $1) }) {
            if let name = HTTPField.Name(name) { headers.append(HTTPField(name: name, value: value)) }
        }
        return OutboundRequest(
            .post, terms.url, headers: headers, body: .bytes(message.body),
            timeouts: .init(connect: timeout, total: timeout), redirects: 0, egress: egress,
            answer: .beginning(upTo: DeliveryAttempt.responseLimit))
    }

    private func outcome(of error: OutboundError) -> AttemptReport.Outcome {
        // Cut off before the body began is an answer all the same.
        if let head = error.head, (200..<300).contains(head.status.code) {
            return .answered(status: head.status.code, body: [], retryAfter: nil)
        }
        // No more the endpoint's fault than ours.
        if error.isProxyFault { return .abandoned(reason: "the proxy could not be used: \(error.words)") }
        switch error.kind {
        case .timeout: return .unanswered(.timeout, detail: error.words)
        case .resolve: return .unanswered(.resolve, detail: error.words)
        case .connect: return .unanswered(.connect, detail: error.words)
        case .tls: return .unanswered(.tls, detail: error.words)
        case .reset: return .unanswered(.reset, detail: error.words)
        case .egressDenied(let denial):
            let mend =
                denial.reason == .metadata ? "" : "; the setting deliveries.allow_networks opens private networks"
            return .unanswered(.egressDenied, detail: "\(denial)\(mend)")
        case .protocolViolation, .tooLarge, .invalidRequest:
            return .unanswered(.protocolViolation, detail: error.words)
        case .bodySource, .cancelled, .stopped, .failed: return .abandoned(reason: error.description)
        }
    }
}
