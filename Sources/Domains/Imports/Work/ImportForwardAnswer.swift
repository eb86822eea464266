import CausewayCore
import Vendor

/// What a sending came to.
enum ImportForwardAnswer: Sendable {
    case taken(JSONValue)
    case refused(ImportError)
    /// The vendor did nothing; nil where there is nothing to tell.
    case notTaken(ImportError?, again: Timestamp)
    case lost(String, answer: JSONValue?, again: Timestamp)

    /// - Parameter backoff: until the next try where the vendor does not tell.
    init(_ error: VendorError, backoff: Duration, now: Timestamp) {
        func told(_ code: String, _ message: String) -> ImportError {
            ImportError(code: code, message: message, vendor: error.answer ?? .null)
        }
        switch error.action {
        case .unknownOutcome(_, let words):
            self = .lost("The vendor's answer was lost (\(words)).", answer: error.answer, again: now + backoff)
        case .waitUntil(let time):
            self = .notTaken(
                told("vendor_busy", "The vendor takes no more requests now: \(error.message). It is sent again."),
                again: max(time ?? now + backoff, now))
        case .retry(let after):
            let told =
                switch error.cause {
                case .unauthorized:
                    told(
                        "vendor_unauthorized",
                        "The vendor does not accept the gateway's keys. The file goes out once they are mended.")
                case .noAnswer:
                    told("vendor_unreachable", "The vendor cannot be reached (\(error.message)). It is tried again.")
                default:
                    told("vendor_failing", "The vendor cannot do it now (\(error)). It is tried again.")
                }
            self = .notTaken(told, again: now + (after ?? backoff))
        case .giveUp(let reason):
            let code =
                switch error.cause {
                case .forbidden: "vendor_forbidden"
                case .notFound: "vendor_not_found"
                default: error.status == 400 ? "vendor_bad_request" : "vendor_refused"
                }
            self = .refused(told(code, "The vendor refused the file: \(reason)"))
        }
    }

    var error: ImportError? {
        switch self {
        case .taken: nil
        case .refused(let error): error
        case .notTaken(let error, _): error
        case .lost(let words, let answer, _):
            ImportError(code: "vendor_answer_lost", message: words, vendor: answer ?? .null)
        }
    }

    /// - Parameter again: set to when the chunk is to be sent again, where it is.
    func apply(
        to sending: inout Import, chunk: Int, attempt: Int, again: inout Timestamp?, at now: Timestamp
    ) -> [ImportConsequence] {
        switch self {
        case .taken(let answer): return sending.chunkTaken(chunk, attempt: attempt, answer: answer, at: now)
        case .refused(let error): return sending.chunkRefused(chunk, attempt: attempt, error, at: now)
        case .notTaken(let error, let time):
            again = time
            return sending.chunkNotTaken(chunk, attempt: attempt, error, at: now)
        case .lost(let words, let answer, let time):
            if let consequences = sending.chunkLost(chunk, attempt: attempt, words, answer: answer, at: now) {
                return consequences
            }
            again = time
            return []
        }
    }
}
