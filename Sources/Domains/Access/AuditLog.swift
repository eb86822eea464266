public import CausewayCore
public import Storage

public enum AuditEntryKind: IdentifierKind { public static let prefix = "aud" }

/// Who did what to which resource, when, from where, with which result.
public struct AuditEntry: Sendable {
    public var id: Identifier<AuditEntryKind>
    public var at: Timestamp
    /// The caller's key id, `admin_key`, or `command` for the command line.
    public var caller: String
    public var callerName: String
    /// `subscription.create`, `import.approve`, …
    public var action: String
    /// The id of what was changed.
    public var resource: String
    /// The status the caller was answered with.
    public var result: Int
    public var remoteAddress: String?
    public var requestID: String?
    /// What else a reader needs to understand it; never a secret.
    public var detail: JSONValue

    public init(
        at: Timestamp, caller: String, callerName: String, action: String, resource: String, result: Int,
        remoteAddress: String? = nil, requestID: String? = nil, detail: JSONValue = .null
    ) {
        self.id = Identifier(at: at)
        self.at = at
        self.caller = caller
        self.callerName = callerName
        self.action = action
        self.resource = resource
        self.result = result
        self.remoteAddress = remoteAddress
        self.requestID = requestID
        self.detail = detail
    }

    public var json: JSONValue {
        [
            "id": .string(id.text), "at": .string(at.rfc3339), "caller": .string(caller),
            "caller_name": .string(callerName), "action": .string(action), "resource": .string(resource),
            "result": .integer(Int64(result)), "remote_address": .optional(remoteAddress),
            "request_id": .optional(requestID), "detail": detail,
        ]
    }
}

extension AuditEntry: RowDecodable {
    public init(row: ResultRow) throws {
        id = try row["id"]
        at = try row["at"]
        caller = try row["caller"]
        callerName = try row["caller_name"]
        action = try row["action"]
        resource = try row["resource"]
        result = try row["result"]
        remoteAddress = try row["remote_address"]
        requestID = try row["request_id"]
        detail = try row["detail"]
    }
}

/// The record of changes, each written in the transaction of the change itself.
public struct AuditLog: Sendable {
    /// Conditions a reader can set; an empty list is no condition.
    public struct Filter: Sendable {
        public var callers: [String] = []
        public var actions: [String] = []
        public var resources: [String] = []

        public init() {}
    }

    public init() {}

    public func append(_ entry: AuditEntry, in transaction: any Transaction) throws {
        try transaction.execute(
            """
            INSERT INTO audit_entry (id, at, caller, caller_name, action, resource, result, remote_address,
                                     request_id, detail)
            VALUES (\(entry.id), \(entry.at), \(entry.caller), \(entry.callerName), \(entry.action),
                    \(entry.resource), \(entry.result), \(entry.remoteAddress), \(entry.requestID), \(entry.detail))
            """)
    }

    /// Removes up to `limit` entries from before a time, the oldest first; returns how many.
    public func prune(before time: Timestamp, limit: Int, in transaction: any Transaction) throws -> Int {
        // Ids begin with their time.
        let end = Identifier<AuditEntryKind>(high: UInt64(bitPattern: max(0, time.milliseconds)) << 16, low: 0)
        return try transaction.execute(
            """
            DELETE FROM audit_entry WHERE id IN (
                SELECT id FROM audit_entry WHERE id < \(end) ORDER BY id LIMIT \(limit)
                \(query: transaction.dialect.skipLocked))
            """)
    }

    /// Newest first.
    public func list(
        _ filter: Filter, page: PageRequest, in transaction: any Transaction
    ) throws -> Page<AuditEntry> {
        var conditions: [SQLQuery] = []
        if let after = page.after { conditions.append("id < \(after)") }
        if !filter.callers.isEmpty { conditions.append("caller IN \(list: filter.callers)") }
        if !filter.actions.isEmpty { conditions.append("action IN \(list: filter.actions)") }
        if !filter.resources.isEmpty { conditions.append("resource IN \(list: filter.resources)") }
        let entries: [AuditEntry] = try transaction.all(
            """
            SELECT * FROM audit_entry WHERE \(query: .all(conditions)) ORDER BY id DESC LIMIT \(page.limit + 1)
            """)
        return Page(fetched: entries, limit: page.limit) { $0.id.text }
    }
}
