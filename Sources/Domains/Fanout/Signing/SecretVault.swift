import CausewayCore
import Crypto
import Foundation

/// Encrypts what stands in the store and must not be read there (AES-256-GCM), where the operator has given a key.
///
/// A sealed text is `v1.`, the key's id, a full stop, and the base 64 of nonce, cipher text and tag. It is bound to its
/// owner and member, so that one subscription's cannot be put in the place of another's. Texts in clear are read too.
public struct SecretVault: Sendable {
    /// 32 bytes. Its id is a hash of them, so that whoever has a key of that id has the right one.
    public struct Key: Hashable, Sendable {
        public let id: String
        let bytes: SymmetricKey

        /// Reads 64 hexadecimal digits, or base 64; nil where it is not of 32 bytes.
        public init?(parsing text: String) {
            let bytes: Data? = text.utf8.count == 64 ? Self.hexadecimal(text) : Data(base64Encoded: text)
            guard let bytes, bytes.count == 32 else { return nil }
            self.bytes = SymmetricKey(data: bytes)
            var hash = SHA256()
            hash.update(data: Array("causeway secrets.key ".utf8))
            hash.update(data: bytes)
            id = hash.finalize().prefix(8).map { $0 < 16 ? "0" + String($0, radix: 16) : String($0, radix: 16) }
                .joined()
        }

        private static func hexadecimal(_ text: String) -> Data? {
            let digits = text.compactMap(\.hexDigitValue)
            guard digits.count == 64 else { return nil }
            return Data(stride(from: 0, to: 64, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) })
        }

        public static func == (left: Self, right: Self) -> Bool { left.id == right.id }
        public func hash(into hasher: inout Hasher) { hasher.combine(id) }
    }

    private static let prefix = "v1."

    private let current: Key?
    private let keys: [String: Key]

    /// - Parameters:
    ///   - current: seals; nil: what is written from now on stands in clear.
    ///   - previous: open what was sealed before.
    public init(current: Key? = nil, previous: [Key] = []) {
        self.current = current
        keys = Dictionary((previous + [current].compactMap(\.self)).map { ($0.id, $0) }) { $1 }
    }

    /// Of the key that seals.
    var keyID: String? { current?.id }

    func knows(_ keyID: String) -> Bool { keys[keyID] != nil }

    func seal(_ text: String, of owner: String, _ member: String) throws -> String {
        guard let current else { return text }
        let box = try AES.GCM.seal(
            Data(text.utf8), using: current.bytes, authenticating: Self.binding(owner, member))
        return "\(Self.prefix)\(current.id).\((box.nonce + box.ciphertext + box.tag).base64EncodedString())"
    }

    /// Nil where no key opens it, or it was changed.
    func open(_ text: String, of owner: String, _ member: String) -> String? {
        guard text.hasPrefix(Self.prefix) else { return text }
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let key = keys[String(parts[1])], let bytes = Data(base64Encoded: String(parts[2])),
            let box = try? AES.GCM.SealedBox(combined: bytes),
            let opened = try? AES.GCM.open(box, using: key.bytes, authenticating: Self.binding(owner, member))
        else { return nil }
        return String(bytes: opened, encoding: .utf8)
    }

    private static func binding(_ owner: String, _ member: String) -> Data { Data("\(owner) \(member)".utf8) }
}
