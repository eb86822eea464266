import Crypto
import Foundation
import HTTPTypes
import Hummingbird

/// `Content-Digest` and `Repr-Digest` (RFC 9530): what the bytes, as they were transferred, must come to. Algorithms
/// other than sha-256 and sha-512 say nothing here, as the RFC has it.
struct DigestFields {
    private let expected: [(field: String, algorithm: String, bytes: Data)]
    private var sha256 = SHA256()
    private var sha512 = SHA512()

    /// Throws `Problem` where a field is none.
    init(_ names: HTTPField.Name..., in headers: HTTPFields) throws {
        expected = try names.flatMap { name in
            try Self.members(of: headers[values: name].joined(separator: ","), name.rawName).map { member in
                (name.rawName, member.algorithm, member.bytes)
            }
        }
    }

    var isEmpty: Bool { expected.isEmpty }

    mutating func take(_ bytes: some Sequence<UInt8>) {
        guard !isEmpty else { return }
        let bytes = Array(bytes)
        if expected.contains(where: { $0.algorithm == "sha-256" }) { sha256.update(data: bytes) }
        if expected.contains(where: { $0.algorithm == "sha-512" }) { sha512.update(data: bytes) }
    }

    /// Throws `Problem` where the bytes came to something else.
    func finish() throws {
        for (field, algorithm, bytes) in expected {
            let found = algorithm == "sha-256" ? Data(sha256.finalize()) : Data(sha512.finalize())
            guard found == bytes else {
                throw Problem(
                    .badRequest, code: "digest_mismatch",
                    detail: """
                        The body's \(algorithm) is \(found.base64EncodedString()), and \(field) says \
                        \(bytes.base64EncodedString()). It was changed on its way, or is not the file that was meant. \
                        Nothing was kept; send it again.
                        """)
            }
        }
    }

    private static func members(of text: String, _ field: String) throws -> [(algorithm: String, bytes: Data)] {
        guard !text.allSatisfy({ $0 == " " || $0 == "\t" }) else { return [] }
        return try text.split(separator: ",", omittingEmptySubsequences: false).compactMap { member in
            let pair = member.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
            guard pair.count == 2, let value = pair[1].split(separator: ";").first, value.count >= 2,
                value.hasPrefix(":"), value.hasSuffix(":"),
                let bytes = Data(base64Encoded: String(value.dropFirst().dropLast()))
            else { throw malformed(field) }
            guard let length = ["sha-256": 32, "sha-512": 64][pair[0]] else { return nil }
            guard bytes.count == length else { throw malformed(field) }
            return (pair[0], bytes)
        }
    }

    private static func malformed(_ field: String) -> Problem {
        Problem(
            .badRequest, code: "invalid_digest",
            detail: "\(field) is written so: `sha-256=:BASE64:`, with the hash of the bytes as they are sent.")
    }
}
