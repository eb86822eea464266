import CausewayCore
import Foundation

/// What came back for a call, and its reading: an envelope, or an error that says what to do.
struct VendorReply: Sendable {
    var status: Int
    var retryAfter: String?
    var body: [UInt8]

    /// The envelope of a success. Throws `VendorError`.
    func envelope(
        effect: VendorCall.Effect, settings: VendorSettings, now: Timestamp
    ) throws(VendorError) -> VendorEnvelope {
        let envelope = VendorEnvelope(body: Data(body))
        // Some gateways say 200 above an error: the worse of the two counts.
        let told = envelope?.status ?? status
        let status = (200..<300).contains(status) && told >= 400 && told < 600 ? told : status
        if (200..<300).contains(status), let envelope { return envelope }
        throw error(status: status, envelope: envelope, effect: effect, settings: settings, now: now)
    }

    private func error(
        status: Int, envelope: VendorEnvelope?, effect: VendorCall.Effect, settings: VendorSettings, now: Timestamp
    ) -> VendorError {
        let again = RetryAfterHeader.time(retryAfter, now: now)
        let words = envelope?.message ?? ""
        let said =
            words.isEmpty ? "no message, \(body.count) bytes\(envelope == nil ? " that are not JSON" : "")" : words
        func error(_ cause: VendorError.Cause, _ action: VendorError.Action) -> VendorError {
            VendorError(cause: cause, action: action, status: status, message: said, answer: envelope?.whole)
        }
        switch status {
        case 200..<300:
            return VendorError.unusable(
                "the answer is not JSON (\(body.count) bytes)", status: status, effect: effect)
        case 401:
            return error(.unauthorized, .retry(after: settings.wrongKeysPause))
        case 403:
            return error(.forbidden, .giveUp(reason: said))
        case 404:
            return error(.notFound, .giveUp(reason: said))
        case 429:
            let limit = VendorLimit(message: envelope?.message ?? "", words: settings.limitWords)
            let until = again ?? (limit == .requests ? now + .seconds(60) : nil)
            return error(.limited(limit), .waitUntil(until))
        // The vendor documents neither 408 nor 425, so neither says that it has done nothing.
        case 408, 425, 500...599:
            switch effect {
            case .repeatable: return error(.serverFailure, .retry(after: again?.since(now)))
            case .once: return error(.serverFailure, .unknownOutcome(stage: "answer", words: "\(status): \(said)"))
            }
        default:
            // Other 4xx, and redirects, which the vendor's API does not use.
            return error(.refused, .giveUp(reason: said))
        }
    }
}

extension VendorError {
    /// A success that does not carry what it should: the call was taken, only its result is not known.
    static func unusable(
        _ words: String, status: Int = 200, effect: VendorCall.Effect, answer: JSONValue? = nil
    ) -> VendorError {
        VendorError(
            cause: .unusableAnswer,
            action: effect == .once ? .unknownOutcome(stage: "answer", words: words) : .retry(after: nil),
            status: status, message: words, answer: answer)
    }
}
