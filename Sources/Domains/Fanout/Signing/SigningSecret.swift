public import CausewayCore
import Crypto
import Foundation

/// The key of one subscription's signatures (Standard Webhooks v1): 24–64 bytes, written `whsec_` and base 64.
public struct SigningSecret: Hashable, Sendable {
    public static let prefix = "whsec_"
    public static let sizes = 24...64

    /// With its prefix, as the subscriber gets it.
    public let text: Secret
    let key: SymmetricKey

    /// Reads the text with or without `whsec_`; nil where it is no base 64 of 24–64 bytes.
    public init?(parsing text: some StringProtocol) {
        let encoded = text.hasPrefix(Self.prefix) ? String(text.dropFirst(Self.prefix.count)) : String(text)
        guard let bytes = Data(base64Encoded: encoded), Self.sizes.contains(bytes.count) else { return nil }
        self.text = Secret(Self.prefix + encoded)
        self.key = SymmetricKey(data: bytes)
    }

    /// A new one of 32 random bytes.
    public static func random() -> SigningSecret {
        let bytes = RandomToken.randomBytes(32)
        return SigningSecret(text: Secret(prefix + Data(bytes).base64EncodedString()), key: SymmetricKey(data: bytes))
    }

    private init(text: Secret, key: SymmetricKey) {
        self.text = text
        self.key = key
    }

    public static func == (left: Self, right: Self) -> Bool { left.key == right.key }
    public func hash(into hasher: inout Hasher) { hasher.combine(text) }
}
