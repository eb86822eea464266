import CausewayCore
import Crypto
import Foundation

/// The keys of one subscription's asymmetric signatures (Standard Webhooks v1a): ed25519, the private half written
/// `whsk_` and base 64 of its 32 bytes, the public one, which the subscriber gets, `whpk_` and base 64.
public struct SigningKeyPair: Hashable, Sendable {
    public static let privatePrefix = "whsk_"
    public static let publicPrefix = "whpk_"

    /// Never leaves the store.
    let privateText: Secret
    public let publicText: String
    private let key: Curve25519.Signing.PrivateKey

    /// Reads the private half; nil where it is none.
    init?(parsing text: String) {
        guard text.hasPrefix(Self.privatePrefix),
            let bytes = Data(base64Encoded: String(text.dropFirst(Self.privatePrefix.count))),
            let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: bytes)
        else { return nil }
        self.init(key)
    }

    public static func random() -> SigningKeyPair { SigningKeyPair(Curve25519.Signing.PrivateKey()) }

    private init(_ key: Curve25519.Signing.PrivateKey) {
        self.key = key
        privateText = Secret(Self.privatePrefix + key.rawRepresentation.base64EncodedString())
        publicText = Self.publicPrefix + key.publicKey.rawRepresentation.base64EncodedString()
    }

    /// Nil where the library has no random bytes for it.
    func signature(over content: Data) -> Data? { try? key.signature(for: content) }

    public static func == (left: Self, right: Self) -> Bool { left.publicText == right.publicText }
    public func hash(into hasher: inout Hasher) { hasher.combine(publicText) }
}
