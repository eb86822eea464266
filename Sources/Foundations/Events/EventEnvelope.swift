public import CausewayCore
public import Storage

/// An event as it is sent: the text of its data is passed on as it was stored, never read.
public struct EventEnvelope: Sendable {
    public let sequence: Int64
    public let id: EventID
    public let type: String
    public let timestamp: Timestamp
    public let resource: String
    /// None where they were not asked for.
    public let attributes: [String: String]
    /// `{"id":…,"type":…,"timestamp":…,"data":…}` in UTF-8.
    public let body: [UInt8]
    private let dataStart: Int

    /// - Parameter data: JSON text.
    public init(
        sequence: Int64, id: EventID, type: String, timestamp: Timestamp, resource: String,
        attributes: [String: String] = [:], data: String
    ) {
        self.sequence = sequence
        self.id = id
        self.type = type
        self.timestamp = timestamp
        self.resource = resource
        self.attributes = attributes
        let members: [(String, JSONValue)] = [
            ("id", .string(id.text)), ("type", .string(type)), ("timestamp", .string(timestamp.rfc3339)),
        ]
        let head = "{\(members.map { "\"\($0)\":\($1.text)," }.joined())\"data\":"
        dataStart = head.utf8.count
        body = Array("\(head)\(data)}".utf8)
    }

    /// The JSON text of its data.
    public var data: ArraySlice<UInt8> { body[dataStart..<(body.count - 1)] }
}

extension EventEnvelope: RowDecodable {
    public init(row: ResultRow) throws {
        let attributes: String? = try row["attributes"]
        self.init(
            sequence: try row["sequence"], id: try row["id"], type: try row["type"], timestamp: try row["occurred_at"],
            resource: try row["resource"],
            attributes: try attributes.map { try JSONText.decode([String: String].self, from: $0) } ?? [:],
            data: try row["data"])
    }
}
