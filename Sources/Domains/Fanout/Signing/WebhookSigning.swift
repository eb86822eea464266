public import CausewayCore
import Crypto
import Foundation

/// Signatures after Standard Webhooks over `id.timestamp.body`, the body's bytes as they are sent: version `v1` is
/// HMAC-SHA256, `v1a` ed25519. https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
public enum WebhookSigning {
    /// How far the sender's clock may be off, either way.
    public static let tolerance = Duration.seconds(5 * 60)

    /// The value of `webhook-signature`: one `v1,…` for each secret, parted by spaces.
    /// - Parameter timestamp: whole seconds since 1970, as in `webhook-timestamp`.
    public static func signature(id: String, timestamp: Int64, body: [UInt8], secrets: [SigningSecret]) -> String {
        secrets.map { secret in
            let code = code(id: id, timestamp: String(timestamp), body: body, secret: secret)
            return "v1," + Data(code).base64EncodedString()
        }
        .joined(separator: " ")
    }

    /// The same of a subscription's secrets: `v1,…` of each, then `v1a,…` of each where it is asked for.
    public static func signature(
        id: String, timestamp: Int64, body: [UInt8], secrets: [LiveSecret],
        versions: [SubscriptionTerms.SignatureVersion]
    ) -> String {
        let signature = signature(id: id, timestamp: timestamp, body: body, secrets: secrets.map(\.secret))
        guard versions.contains(.v1a) else { return signature }
        let content = Data("\(id).\(timestamp).".utf8) + body
        let others = secrets.compactMap { $0.keyPair?.signature(over: content) }
        return ([signature] + others.map { "v1a,\($0.base64EncodedString())" }).joined(separator: " ")
    }

    /// Returns where one of the signatures is right under one of the secrets and the timestamp is near `now`.
    /// - Parameters: the three header values as they came; nil where one is missing.
    public static func verify(
        id: String?, timestamp: String?, signature: String?, body: [UInt8], secrets: [SigningSecret], now: Timestamp
    ) throws(WebhookVerificationError) {
        guard let id, !id.isEmpty else { throw .missingHeader("webhook-id") }
        guard let timestamp else { throw .missingHeader("webhook-timestamp") }
        guard let signature else { throw .missingHeader("webhook-signature") }
        guard let seconds = Int64(timestamp), (0...253_402_300_799).contains(seconds) else { throw .invalidTimestamp }
        let age = now.since(Timestamp(milliseconds: seconds * 1000))
        guard age <= tolerance else { throw .tooOld }
        guard age >= .zero - tolerance else { throw .tooNew }
        for given in signature.split(separator: " ") {
            let parts = given.split(separator: ",", maxSplits: 1)
            // Versions we do not know stand there for others: passed over.
            guard parts.count == 2, parts[0] == "v1", let bytes = Data(base64Encoded: String(parts[1])) else {
                continue
            }
            for secret in secrets {
                // swift-crypto compares codes in constant time.
                if code(id: id, timestamp: timestamp, body: body, secret: secret) == bytes { return }
            }
        }
        throw .noMatchingSignature
    }

    /// Over the parts one after another, without a copy of the body.
    private static func code(id: String, timestamp: String, body: [UInt8], secret: SigningSecret) -> HMAC<SHA256>.MAC {
        var code = HMAC<SHA256>(key: secret.key)
        code.update(data: Array("\(id).\(timestamp).".utf8))
        code.update(data: body)
        return code.finalize()
    }
}

/// Why a webhook is not to be believed.
public enum WebhookVerificationError: Error, Hashable, Sendable, CustomStringConvertible {
    case missingHeader(String)
    case invalidTimestamp
    /// Signed more than five minutes ago: perhaps sent again by somebody who listened.
    case tooOld
    case tooNew
    case noMatchingSignature

    public var description: String {
        switch self {
        case .missingHeader(let name): "the header \(name) is missing"
        case .invalidTimestamp: "webhook-timestamp is not a number of seconds"
        case .tooOld: "webhook-timestamp is more than five minutes ago"
        case .tooNew: "webhook-timestamp is more than five minutes ahead"
        case .noMatchingSignature: "no signature is right for this body and secret"
        }
    }
}
