/// A JSON text, and what tells it from others.
public struct RenderedJSON: Sendable, Hashable {
    /// As `JSONValue.text`.
    public let text: String
    /// The first 128 bits of the text's SHA-256, in lower-case hexadecimal.
    public let digest: String

    public init(_ value: JSONValue) {
        text = value.text
        digest = String(Digest.sha256Hex(text).prefix(32))
    }
}
