/// What a caller wants done with the file that comes.
public struct ImportRequest: Sendable, Hashable, Codable {
    public var object: ImportObject
    public var mode: ImportMode
    /// The vendor's group; needed for objects whose schema says so, refused for others.
    public var group: String?
    /// Partners only.
    public var sendsInvites: Bool?
    /// Held until another key approves it.
    public var needsApproval: Bool
    /// Also where the same was imported within the last days.
    public var isForced: Bool
    public var filename: String?
    /// What the caller says of the file's encoding: a label of `CSVCharset`.
    public var charset: String?
    /// The key that asks.
    public var caller: String

    public init(
        object: ImportObject, mode: ImportMode = .allOrNothing, group: String? = nil, sendsInvites: Bool? = nil,
        needsApproval: Bool = false, isForced: Bool = false, filename: String? = nil, charset: String? = nil,
        caller: String
    ) {
        self.object = object
        self.mode = mode
        self.group = group
        self.sendsInvites = sendsInvites
        self.needsApproval = needsApproval
        self.isForced = isForced
        self.filename = filename
        self.charset = charset
        self.caller = caller
    }

    func mistakes(_ schema: ObjectSchema) -> [ImportMistake] {
        var mistakes: [ImportMistake] = []
        if schema.needsGroup, group == nil || group == "" {
            mistakes.append(
                .init(
                    field: "group", code: "required",
                    detail: "\(object.rawValue) belong to a group of yours: name its key, `?group=…`."))
        } else if !schema.needsGroup, group != nil {
            mistakes.append(
                .init(field: "group", code: "not_taken", detail: "\(object.rawValue) are imported without a group."))
        } else if let group,
            group.utf8.count > 200 || group.first?.isWhitespace == true || group.last?.isWhitespace == true
                || group.unicodeScalars.contains(where: { $0.value < 0x20 })
        {
            mistakes.append(.init(field: "group", code: "invalid", detail: "This is no group's key."))
        }
        if sendsInvites != nil, !schema.options.contains("send_invites") {
            mistakes.append(
                .init(field: "send_invites", code: "not_taken", detail: "Only partners can be invited."))
        }
        return mistakes
    }
}

/// One thing that is wrong with a request.
public struct ImportMistake: Sendable, Hashable {
    public let field: String
    public let code: String
    public let detail: String
}
