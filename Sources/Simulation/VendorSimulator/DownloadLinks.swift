import CausewayCore
import Crypto
import Foundation

/// Links that are good for whoever has them, until they die.
struct DownloadLinks: Sendable {
    private let key = SymmetricKey(size: .bits256)

    /// `BASE/files/KEY/NAME?expires=MILLISECONDS&signature=HEX`
    func link(to file: DownloadFile, base: String, until expiry: Timestamp) -> String {
        let expires = expiry.milliseconds
        return "\(base)/files/\(file.key)/\(file.name)?expires=\(expires)&signature=\(signature(file.key, expires))"
    }

    func isSigned(file key: String, expires: Int64, signature: String) -> Bool {
        Secret(self.signature(key, expires)).matches(signature)
    }

    private func signature(_ file: String, _ expires: Int64) -> String {
        Digest.hex(HMAC<SHA256>.authenticationCode(for: Data("\(file) \(expires)".utf8), using: key))
    }
}
