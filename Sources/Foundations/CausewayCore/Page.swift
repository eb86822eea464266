public import Foundation

/// What part of a list is asked for.
public struct PageRequest: Sendable, Hashable {
    /// 1–200.
    public var limit: Int
    /// The key of the last element already seen; nil for the first page.
    public var after: String?

    public static let limits = 1...200
    public static let defaultLimit = 50

    public init(limit: Int = defaultLimit, after: String? = nil) {
        self.limit = limit
        self.after = after
    }
}

/// A part of a list and where the next one begins.
public struct Page<Element: Sendable>: Sendable {
    public var elements: [Element]
    /// The key to ask for the elements after these; nil where these are the last.
    public var next: String?

    /// Takes up to `limit + 1` elements as the store gave them: the one too many only shows that there are more.
    public init(fetched: [Element], limit: Int, key: (Element) -> String) {
        self.elements = Array(fetched.prefix(limit))
        self.next = fetched.count > limit ? elements.last.map(key) : nil
    }

    public func map<Other: Sendable>(_ transform: (Element) throws -> Other) rethrows -> Page<Other> {
        Page<Other>(elements: try elements.map(transform), next: next)
    }

    private init(elements: [Element], next: String?) {
        self.elements = elements
        self.next = next
    }
}

/// Base 64 in the URL alphabet without padding.
public enum Base64URL {
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString()
            .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_").replacingOccurrences(
                of: "=", with: "")
    }

    public static func decode(_ text: some StringProtocol) -> Data? {
        let standard = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return Data(base64Encoded: standard + String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4))
    }
}
