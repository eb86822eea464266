public import CausewayCore

/// What the importer takes.
public enum ImportObjectName: String, Sendable, CaseIterable {
    case partners, customers, transactions, rewards, leads, deals
}

/// One CSV for the importer, read from a file while it is sent.
public struct ImportUpload: Sendable, Hashable {
    public var object: ImportObjectName
    public var filePath: String
    /// The first byte to send.
    public var offset: Int64
    /// Bytes to send; nil to the file's end.
    public var length: Int64?
    /// What is sent before the file's bytes as part of the CSV: a header row where `offset` skips the file's own.
    public var prefix: [UInt8]
    /// The name the importer sees.
    public var filename: String
    /// The group of leads and deals.
    public var group: String?
    /// Partners only; nil sends no such field.
    public var sendInvites: Bool?

    public init(
        object: ImportObjectName, filePath: String, offset: Int64 = 0, length: Int64? = nil, prefix: [UInt8] = [],
        filename: String, group: String? = nil, sendInvites: Bool? = nil
    ) {
        self.object = object
        self.filePath = filePath
        self.offset = offset
        self.length = length
        self.prefix = prefix
        self.filename = filename
        self.group = group
        self.sendInvites = sendInvites
    }
}

/// What the vendor answered to a call whose entity nobody documents.
public struct VendorAnswer: Sendable, Hashable {
    public let message: String?
    public let whole: JSONValue
}

/// The request for the vendor's mail with record files.
public struct RecordExportRequest: Sendable, Hashable {
    /// The vendor's names of the datasets.
    public var types: [String]
    public var memberEmail: String
    /// Members sent besides, for filters that are not documented.
    public var others: [String: JSONValue]

    public init(types: [String], memberEmail: String, others: [String: JSONValue] = [:]) {
        self.types = types
        self.memberEmail = memberEmail
        self.others = others
    }

    var body: JSONValue {
        var members = others
        members["export_types"] = .array(types.map(JSONValue.string))
        members["member_email"] = .string(memberEmail)
        return .object(members)
    }
}
