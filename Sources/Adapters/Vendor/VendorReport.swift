public import CausewayCore

/// A saved report configuration. Which members it has besides its key is not documented.
public struct VendorReport: Sendable, Hashable {
    /// `vrc_…`
    public let key: String
    public let whole: JSONValue

    public init?(_ whole: JSONValue) {
        guard let key = whole["key"]?.string, !key.isEmpty else { return nil }
        self.key = key
        self.whole = whole
    }

    public var name: String? { whole["name"]?.string ?? whole["title"]?.string }
    public var reportType: String? { whole["report_type"]?.string }
}

/// A part of one of the vendor's lists.
public struct VendorPage<Item: Sendable>: Sendable {
    public let items: [Item]
    /// What to hand back as `after` for the next part; nil where this is the last.
    public let next: String?

    init(_ envelope: VendorEnvelope, key: (Item) -> String, item: (JSONValue) -> Item?) {
        items = (envelope.items ?? []).compactMap(item)
        next = envelope.hasMore ? items.last.map(key) : nil
    }
}

/// A webhook subscription at the vendor.
public struct VendorWebhook: Sendable, Hashable {
    public let key: String
    public let whole: JSONValue

    public init?(_ whole: JSONValue) {
        guard let key = whole["key"]?.string, !key.isEmpty else { return nil }
        self.key = key
        self.whole = whole
    }

    public var targetURL: String? { whole["target_url"]?.string ?? whole["url"]?.string }

    /// From `event` and `events`, whichever there is.
    public var events: [String] {
        if let event = whole["event"]?.string { return [event] }
        return (whole["events"]?.array ?? []).compactMap(\.string)
    }

    /// False where the vendor says so in one of the ways such services do.
    public var isActive: Bool {
        whole["active"]?.bool ?? whole["enabled"]?.bool ?? (whole["status"]?.string.map { $0 == "active" } ?? true)
    }
}
