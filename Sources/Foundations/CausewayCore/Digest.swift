import Crypto

/// SHA-256 in the shapes the house needs.
public enum Digest {
    /// The first 128 bits of a hash over `parts`; each is preceded by its length, so that no two lists meet.
    static func sha256Prefix(of parts: [String]) -> (high: UInt64, low: UInt64) {
        var hash = SHA256()
        for part in parts {
            hash.update(data: Array("\(part.utf8.count):".utf8))
            hash.update(data: Array(part.utf8))
        }
        let bytes = Array(hash.finalize())
        func word(at offset: Int) -> UInt64 {
            bytes[offset..<offset + 8].reduce(0) { $0 << 8 | UInt64($1) }
        }
        return (word(at: 0), word(at: 8))
    }

    /// Lower-case hexadecimal SHA-256 of `text` in UTF-8.
    public static func sha256Hex(_ text: String) -> String {
        hex(SHA256.hash(data: Array(text.utf8)))
    }

    /// Lower-case hexadecimal of any bytes.
    public static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var characters: [UInt8] = []
        characters.reserveCapacity(64)
        for byte in bytes {
            characters.append(digits[Int(byte >> 4)])
            characters.append(digits[Int(byte & 15)])
        }
        return String(decoding: characters, as: UTF8.self)
    }
}
