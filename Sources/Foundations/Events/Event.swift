public import CausewayCore
public import Storage

public enum EventKind: IdentifierKind { public static let prefix = "evt" }
public typealias EventID = Identifier<EventKind>

/// A fact, published once.
public struct Event: Sendable {
    /// The place in the log: grows in the order of commits.
    public let sequence: Int64
    public let id: EventID
    public let type: String
    public let timestamp: Timestamp
    /// The id of what it happened to.
    public let resource: String
    /// What subscriptions filter by (`report`, `source`, `object`, …).
    public let attributes: [String: String]
    /// The resource as it was then.
    public let data: JSONValue
}

/// A fact about to be published.
public struct EventDraft: Sendable {
    public var id: EventID
    public var type: String
    public var timestamp: Timestamp
    public var resource: String
    public var attributes: [String: String]
    public var data: JSONValue

    /// - Parameter occurrence: which time, where the same thing can happen to a resource again. The id is
    ///   derived from type, resource and occurrence, so publishing a fact again changes nothing.
    public init(
        type: String, resource: String, occurrence: String = "", timestamp: Timestamp,
        attributes: [String: String] = [:], data: JSONValue
    ) {
        self.id = EventID(derivedFrom: [type, resource, occurrence])
        self.type = type
        self.timestamp = timestamp
        self.resource = resource
        self.attributes = attributes
        self.data = data
    }
}

extension Event: RowDecodable {
    public init(row: ResultRow) throws {
        sequence = try row["sequence"]
        id = try row["id"]
        type = try row["type"]
        timestamp = try row["occurred_at"]
        resource = try row["resource"]
        attributes = try JSONText.decode([String: String].self, from: try row["attributes"])
        data = try row["data"]
    }

    /// The body every subscriber gets: `{"id","type","timestamp","data"}`.
    public var json: JSONValue {
        [
            "id": .string(id.text), "type": .string(type), "timestamp": .string(timestamp.rfc3339), "data": data,
        ]
    }
}
