import CausewayCore
import Vendor

/// What a trigger came to.
enum ExportTriggerAnswer: Sendable {
    case taken(VendorExport)
    case refused(ExportError)
    case limited(until: Timestamp, ExportError)
    case notTaken(ExportError, isCertain: Bool, again: Timestamp)
    case lost(String)

    /// - Parameters:
    ///   - window: how long a limit is taken to be shut where the vendor does not tell.
    ///   - backoff: until the next try where the vendor does not tell.
    init(_ error: VendorError, window: Duration, backoff: Duration, now: Timestamp) {
        func told(_ code: String, _ message: String) -> ExportError {
            ExportError(code: code, message: message, vendor: error.answer ?? .null)
        }
        func retried(_ told: ExportError, isCertain: Bool = true) -> ExportTriggerAnswer {
            if case .retry(let after?) = error.action {
                return .notTaken(told, isCertain: isCertain, again: now + after)
            }
            return .notTaken(told, isCertain: isCertain, again: now + backoff)
        }
        // The vendor speaks JSON: otherwise a proxy, or whoever is at a wrong vendor.url, has answered in its place.
        let isVendors = error.answer != .none
        switch error.cause {
        case .refused where !isVendors, .forbidden where !isVendors, .notFound where !isVendors:
            self = retried(
                told(
                    "vendor_unreadable",
                    "Something answered \(error.status ?? 0) in the vendor's place: \(error.message). It is tried again."
                ))
        case .refused where error.status == 400:
            self = .refused(
                told(
                    "vendor_bad_request",
                    "The vendor refused the request: \(error.message). Check the report's key and the member."))
        case .refused:
            self = .refused(told("vendor_refused", "The vendor refused the request: \(error.message)"))
        case .forbidden:
            self = .refused(
                told(
                    "vendor_forbidden",
                    """
                    The vendor refused it: \(error.message). Either the member has no access to the account, or the \
                    report is not this account's. GET /v1/reports lists the reports.
                    """))
        case .notFound:
            self = .refused(
                told(
                    "vendor_not_found",
                    "The vendor knows no such report: \(error.message). GET /v1/reports lists the reports."))
        case .limited(.requests):
            let until: Timestamp? = if case .waitUntil(let time) = error.action { time } else { nil }
            self = .notTaken(
                told("vendor_busy", "The vendor takes no more requests this minute: \(error.message)"),
                isCertain: true, again: until ?? now + .seconds(60))
        case .limited:
            let until: Timestamp? = if case .waitUntil(let time) = error.action { time } else { nil }
            self = .limited(
                until: until ?? now + window, told("limited", "The vendor's limit is shut: \(error.message)"))
        case .unauthorized:
            self = retried(
                told(
                    "vendor_unauthorized",
                    "The vendor does not accept the gateway's keys. The export goes out once they are mended."))
        case .serverFailure:
            self = retried(
                told("vendor_failing", "The vendor cannot do it now (\(error)). It is tried again."), isCertain: false)
        case .unusableAnswer:
            self = .lost("its answer could not be read (\(error.message))")
        case .noAnswer:
            if case .unknownOutcome(_, let words) = error.action {
                self = .lost(words)
            } else {
                self = retried(
                    told("vendor_unreachable", "The vendor cannot be reached (\(error.message)). It is tried again."))
            }
        }
    }

    /// When to try again, where the answer says so.
    var again: Timestamp? {
        if case .notTaken(_, _, let again) = self { again } else { nil }
    }

    var isTaken: Bool {
        if case .taken = self { true } else { false }
    }

    func apply(to export: inout Export, at now: Timestamp) -> [ExportConsequence] {
        switch self {
        case .taken(let said): return export.triggerAnswered(said, at: now)
        case .refused(let error): return export.triggerRefused(error, at: now)
        case .limited(let until, let error): return export.triggerLimited(until: until, error, at: now)
        case .notTaken(let error, let isCertain, _):
            export.triggerNotTaken(error, isCertain: isCertain, at: now)
            return []
        case .lost(let words):
            export.triggerLost(words)
            return []
        }
    }
}
