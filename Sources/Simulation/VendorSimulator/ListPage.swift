import CausewayCore
import Hummingbird

/// A part of a list: `limit` 1–250 (default 10), `starting_after` and `ending_before` take an item's key.
struct ListPage<Item> {
    let items: [Item]
    let hasMore: Bool

    init(
        _ all: [Item], _ query: Parameters, key: (Item) -> String
    ) throws(VendorRefusal) {
        var limit = 10
        if let text = query["limit"] {
            guard let number = Int(text), (1...250).contains(number) else {
                throw VendorRefusal(400, "limit must be between 1 and 250")
            }
            limit = number
        }
        func place(_ name: Substring) throws(VendorRefusal) -> Int? {
            guard let wanted = query[name] else { return nil }
            guard let index = all.firstIndex(where: { key($0) == wanted }) else {
                throw VendorRefusal(400, "\(name) names no item")
            }
            return index
        }
        if let before = try place("ending_before") {
            self.items = Array(all[..<before].suffix(limit))
            self.hasMore = before > limit
        } else {
            let start = try place("starting_after").map { $0 + 1 } ?? 0
            self.items = Array(all[start...].prefix(limit))
            self.hasMore = all.count - start > limit
        }
    }

    func json(_ item: (Item) -> JSONValue) -> JSONValue {
        ["items": .array(items.map(item)), "has_more": .bool(hasMore)]
    }
}
