public import CausewayCore
public import Storage

public enum WorkItemKind: IdentifierKind { public static let prefix = "wrk" }

/// Work about to be written down.
public struct WorkDraft: Sendable {
    /// Which worker takes it: `export.trigger`, `import.forward`, …
    public var kind: String
    /// What it is about. There is at most one item of a kind and key: adding it again wakes the one there.
    public var key: String
    public var payload: JSONValue
    public var dueAt: Timestamp

    public init(kind: String, key: String, payload: JSONValue = .null, dueAt: Timestamp) {
        self.kind = kind
        self.key = key
        self.payload = payload
        self.dueAt = dueAt
    }
}

/// Work claimed by this process for as long as its lease lasts.
public struct WorkItem: Sendable, Identifiable {
    public let id: Identifier<WorkItemKind>
    public let kind: String
    public let key: String
    public let payload: JSONValue
    public let createdAt: Timestamp
    /// Claims so far, this one included, since it was last settled; from 1.
    public let attempt: Int
    /// Grows with each claim: what an earlier claim still wants to write is refused.
    let fence: Int64
}

extension WorkItem: RowDecodable {
    public init(row: ResultRow) throws {
        id = try row["id"]
        kind = try row["kind"]
        key = try row["work_key"]
        payload = try row["payload"]
        createdAt = try row["created_at"]
        attempt = try row["attempts"]
        fence = try row["fence"]
    }
}

public enum WorkQueueError: Error {
    /// The lease ran out and somebody else has the item: nothing of this claim may be written.
    case leaseLost
}
