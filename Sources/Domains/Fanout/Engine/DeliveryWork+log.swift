import CausewayCore
import Events
import Logging
import OutboundHTTP
import Telemetry

extension DeliveryWork {
    /// One wide line for an attempt. Of the URL only the host: its path may hold what is secret.
    func log(_ recorded: AttemptRecorder.Recorded) {
        let report = recorded.report
        let delivery = report.delivery
        // The words of the line cost more than to see that nobody wants it.
        if recorded.state == .delivered, logger.logLevel > .info { return }
        var metadata: Logger.Metadata = [
            "delivery": "\(delivery.number.id)", "event": "\(delivery.event.id)",
            "event_type": "\(delivery.event.type)",
            "subscription": "\(delivery.subscription.id)", "attempt": "\(delivery.attempt)",
            "duration_ms": "\(report.duration.wholeMilliseconds)",
        ]
        if let url = try? OutboundURL(delivery.subscription.terms.url) { metadata["host"] = "\(url.host):\(url.port)" }
        if let address = report.remoteAddress { metadata["address"] = "\(address)" }
        if let status = report.statusCode { metadata["status"] = "\(status)" }
        if let error = report.error { metadata["error"] = "\(error.rawValue)" }
        if let detail = report.errorDetail { metadata["error_detail"] = "\(detail)" }
        if let next = recorded.nextAttemptAt { metadata["next_attempt_at"] = "\(next.rfc3339)" }
        if case .abandoned(let reason) = report.outcome {
            metadata["reason"] = "\(reason)"
            logger.notice("a delivery attempt was cut off and is given back", metadata: metadata)
            return
        }
        guard let state = recorded.state else {
            logger.warning("the lease of a delivery was lost; its result was not written", metadata: metadata)
            return
        }
        metadata["state"] = "\(state.rawValue)"
        logger.log(
            level: state == .delivered ? .info : state == .failed ? .error : .warning, "delivery attempt",
            metadata: metadata)
    }

    func log(_ change: SubscriptionChange) {
        let subscription = change.subscription
        let words =
            switch change.kind {
            case .failing: "a subscription's endpoint keeps failing; it will be disabled"
            case .disabled: "a subscription was disabled: its endpoint has done nothing but fail"
            case .gone: "a subscription was disabled: its endpoint is gone"
            case .answers: "the endpoint of a disabled subscription answers again"
            }
        changes.add([change.kind.rawValue])
        logger.warning(
            "\(words)",
            metadata: [
                "subscription": "\(subscription.id)", "enabled": "\(subscription.enabled)",
                "failing_since": "\(subscription.health.failingSince?.rfc3339 ?? "-")",
            ])
    }

    /// `result` is the class of the answer's status (`2xx`), or why there was none.
    func count(_ recorded: AttemptRecorder.Recorded) {
        guard let state = recorded.state else { return }
        let report = recorded.report
        if case .abandoned = report.outcome { return }
        let result = report.statusCode.map { "\($0 / 100)xx" } ?? report.error?.rawValue ?? "none"
        attempts.add([state.rawValue, result])
    }
}
