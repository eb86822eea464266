/// What an identifier names; its prefix stands before the underscore (`exp_…`).
public protocol IdentifierKind: Sendable {
    /// Lower-case letters, without the underscore.
    static var prefix: String { get }
}

/// A public name of one resource: `prefix_` and 26 characters of Crockford's base 32 in lower case.
///
/// Made ones carry their millisecond first, so that ordering by id is ordering by time of making.
/// Derived ones are a hash of what they name, so the same fact has the same id after any crash or replay.
public struct Identifier<Kind: IdentifierKind>: Hashable, Sendable, CustomStringConvertible {
    public let text: String

    public var description: String { text }

    /// A new identifier: 48 bits of time, 80 random bits.
    public init(at time: Timestamp) {
        var generator = SystemRandomNumberGenerator()
        let high = UInt64(bitPattern: time.milliseconds) << 16 | (generator.next() & 0xFFFF)
        self.text = "\(Kind.prefix)_\(Base32.encode(high: high, low: generator.next()))"
    }

    /// The identifier of what `parts` name together; the same parts always give the same identifier.
    public init(derivedFrom parts: [String]) {
        let (high, low) = Digest.sha256Prefix(of: parts)
        self.text = "\(Kind.prefix)_\(Base32.encode(high: high, low: low))"
    }

    /// The identifier that says these 128 bits.
    public init(high: UInt64, low: UInt64) {
        self.text = "\(Kind.prefix)_\(Base32.encode(high: high, low: low))"
    }

    /// The 128 bits it says; nil where its text says more.
    public var bits: (high: UInt64, low: UInt64)? { Base32.decode(text.utf8.suffix(26)) }

    /// Nil where `text` cannot be an identifier of this kind, so that no store need be asked.
    public init?(parsing text: some StringProtocol) {
        guard text.hasPrefix("\(Kind.prefix)_") else { return nil }
        let body = text.dropFirst(Kind.prefix.count + 1)
        guard body.utf8.count == 26, body.utf8.allSatisfy({ Base32.alphabet.contains($0) }) else {
            return nil
        }
        self.text = String(text)
    }
}

extension Identifier: Codable {
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        guard let identifier = Self(parsing: text) else {
            throw DecodingError.dataCorrupted(
                .init(codingPath: decoder.codingPath, debugDescription: "not a \(Kind.prefix)_ identifier"))
        }
        self = identifier
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(text)
    }
}

enum Base32 {
    static let alphabet = Array("0123456789abcdefghjkmnpqrstvwxyz".utf8)

    /// 128 bits as 26 characters, most significant first, so that text order is number order.
    static func encode(high: UInt64, low: UInt64) -> String {
        var high = high
        var low = low
        var characters = [UInt8](repeating: 0, count: 26)
        for index in characters.indices.reversed() {
            characters[index] = alphabet[Int(low & 31)]
            low = low >> 5 | high << 59
            high >>= 5
        }
        return String(decoding: characters, as: UTF8.self)
    }

    /// Nil where a character is not of the alphabet, or the number has more than 128 bits.
    static func decode(_ characters: some Sequence<UInt8>) -> (high: UInt64, low: UInt64)? {
        var high: UInt64 = 0
        var low: UInt64 = 0
        for character in characters {
            guard let digit = alphabet.firstIndex(of: character), high >> 59 == 0 else { return nil }
            high = high << 5 | low >> 59
            low = low << 5 | UInt64(digit)
        }
        return (high, low)
    }
}
