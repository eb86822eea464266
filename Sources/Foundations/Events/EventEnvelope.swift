public import CausewayCore
public import Storage

/// An event as it is sent: the text of its data is passed on as it was stored, never read.
public struct EventEnvelope: Sendable {
    public let sequence: Int64
    public let id: EventID
    public let type: String
    /// `{"id":…,"type":…,"timestamp":…,"data":…}` in UTF-8.
    public let body: [UInt8]
}

extension EventEnvelope: RowDecodable {
    public init(row: ResultRow) throws {
        sequence = try row["sequence"]
        id = try row["id"]
        type = try row["type"]
        let timestamp: Timestamp = try row["occurred_at"]
        let data: String = try row["data"]
        let head: [(String, JSONValue)] = [
            ("id", .string(id.text)), ("type", .string(type)), ("timestamp", .string(timestamp.rfc3339)),
        ]
        let members = head.map { "\"\($0)\":\($1.text)" }.joined(separator: ",")
        body = Array("{\(members),\"data\":\(data)}".utf8)
    }
}
