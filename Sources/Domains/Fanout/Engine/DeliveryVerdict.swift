import CausewayCore
import WorkQueue

/// What follows from an attempt. Pure: the store carries it out together with the attempt's record.
enum DeliveryVerdict: Equatable, Sendable {
    case delivered
    case retry(at: Timestamp)
    /// No attempt left.
    case failed
    /// The endpoint has said that it is gone for good (410): its subscription is disabled.
    case gone
    /// No attempt was made.
    case givenBack(at: Timestamp)

    /// - Parameter schedule: the waits after the attempts of a round; each is moved by up to a fifth.
    init(of report: AttemptReport, schedule: RetrySchedule, now: Timestamp) {
        var retryAfter = Duration.zero
        switch report.outcome {
        case .abandoned:
            self = .givenBack(
                at: now + min(.seconds(60), WorkHandler.exponentialBackoff(report.delivery.idleClaims + 1)))
            return
        // A success also where the answer's body never came to its end.
        case .answered(200..<300, _, _):
            self = .delivered
            return
        case .answered(410, _, _):
            self = .gone
            return
        case .answered: retryAfter = report.putsOffLane ?? .zero
        case .unanswered: break
        }
        if report.delivery.isProbe {
            // Held again, with its schedule as it was; should its subscription have been enabled, due now.
            self = .retry(at: now + retryAfter)
        } else if let delay = schedule.delay(afterAttempt: report.delivery.step + 1) {
            self = .retry(at: now + max(delay.jittered(by: 0.2), retryAfter))
        } else {
            self = .failed
        }
    }
}

extension AttemptReport {
    /// How long the endpoint asks to be left alone; of 429 and 503 alone.
    var putsOffLane: Duration? {
        if case .answered(let status, _, let retryAfter) = outcome, status == 429 || status == 503 {
            retryAfter
        } else {
            nil
        }
    }
}
