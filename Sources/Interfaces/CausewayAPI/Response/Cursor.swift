import CausewayCore
import Crypto
import Foundation

/// Where a list goes on, opaque to callers. It begins with a mark of the list and its filters, so that one of another list,
/// whose keys may look alike, is told from its own.
struct Cursor {
    private static let markSize = 6

    private let mark: [UInt8]

    /// - Parameter filters: those that choose what is in the list, in any order.
    init(path: String, filters: [(name: String, value: String)]) {
        var hash = SHA256()
        for text in [path] + filters.map({ "\($0.name)=\($0.value)" }).sorted() {
            hash.update(data: Array(text.utf8) + [0])
        }
        mark = Array(hash.finalize().prefix(Self.markSize))
    }

    func encode(_ key: String) -> String { Base64URL.encode(mark + Array(key.utf8)) }

    /// Nil where it is no cursor of this list.
    func decode(_ text: String) -> String? {
        guard text.utf8.count <= 200, let data = Base64URL.decode(text), data.count > Self.markSize,
            data.starts(with: mark)
        else { return nil }
        return String(bytes: data.dropFirst(Self.markSize), encoding: .utf8)
    }
}
