/// Text that must not be seen: printing, interpolating, dumping or encoding it gives `[redacted]`.
public struct Secret: Hashable, Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let text: String

    public init(_ text: String) {
        self.text = text
    }

    /// The text itself, to be handed straight to what needs it.
    public func reveal() -> String { text }

    public var description: String { "[redacted]" }
    public var debugDescription: String { "[redacted]" }
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Compares without telling by its duration where the first difference stands.
    public func matches(_ other: String) -> Bool {
        let own = Array(text.utf8)
        let others = Array(other.utf8)
        guard own.count == others.count else { return false }
        var difference: UInt8 = 0
        for index in own.indices { difference |= own[index] ^ others[index] }
        return difference == 0
    }
}
