import Foundation

/// What a program's settings say about one object, or about one group's leads or deals: fields of its own (a field with
/// a built-in name replaces that one), further rules, other switches.
public struct ObjectExtension: Decodable, Sendable {
    public var fields: [ObjectField]
    public var rules: [ObjectRule]
    public var unknownColumns: ObjectSchema.UnknownColumns?
    public var headerCase: LetterCase?
    public var resend: ObjectSchema.Resend?
    /// In place of the built-in list.
    public var unique: [String]?
    public var remembersRows: Bool?
    /// Deals: what `stage` may be, each as the group's settings at the vendor have it.
    public var stages: [String]
    /// By the group's key, where the object is imported into one. They add to what is said here.
    public var groups: [String: ObjectExtension]

    enum CodingKeys: String, CodingKey, CaseIterable {
        case fields, rules, resend, unique, stages, groups
        case remembersRows = "remember_rows"
        case unknownColumns = "unknown_columns"
        case headerCase = "header_case"
    }

    public init(fields: [ObjectField] = [], rules: [ObjectRule] = []) {
        self.fields = fields
        self.rules = rules
        stages = []
        groups = [:]
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownMembers(CodingKeys.allCases)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        fields = try members.decodeIfPresent([ObjectField].self, forKey: .fields) ?? []
        rules = try members.decodeIfPresent([ObjectRule].self, forKey: .rules) ?? []
        unknownColumns = try members.word(forKey: .unknownColumns)
        headerCase = try members.word(forKey: .headerCase)
        resend = try members.word(forKey: .resend)
        unique = try members.decodeIfPresent([String].self, forKey: .unique)
        remembersRows = try members.decodeIfPresent(Bool.self, forKey: .remembersRows)
        stages = try members.decodeIfPresent([String].self, forKey: .stages) ?? []
        groups = try members.decodeIfPresent([String: ObjectExtension].self, forKey: .groups) ?? [:]
        for (name, group) in groups where !group.groups.isEmpty {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: members.codingPath + [CodingKeys.groups, MemberName(stringValue: name)],
                    debugDescription: "a group has no groups of its own"))
        }
    }

    /// Throws `DecodingError` where the result does not hold together.
    func applied(to base: ObjectSchema) throws -> ObjectSchema {
        var schema = base
        guard groups.isEmpty || schema.needsGroup else {
            throw Self.mistake(.groups, "\(schema.object.rawValue) are imported without a group")
        }
        for var field in fields {
            if let index = schema.fields.firstIndex(where: { $0.name == field.name }) {
                field.inherit(from: schema.fields[index])
                schema.fields[index] = field
            } else {
                schema.fields.append(field)
            }
        }
        if !stages.isEmpty {
            guard let index = schema.fields.firstIndex(where: { $0.name == "stage" }) else {
                throw Self.mistake(.stages, "\(schema.object.rawValue) have no stages")
            }
            schema.fields[index].type = .enumeration
            schema.fields[index].values = stages
            schema.fields[index].example = stages[0]
            schema.fields[index].source = .program
        }
        schema.rules += rules
        if let unknownColumns { schema.unknownColumns = unknownColumns }
        if let headerCase { schema.headerCase = headerCase }
        if let resend { schema.resend = resend }
        if let unique { schema.unique = unique }
        if let remembersRows { schema.remembersRows = remembersRows }
        // Through the decoder, which checks the whole.
        return try JSONDecoder().decode(ObjectSchema.self, from: try JSONEncoder().encode(schema))
    }

    private static func mistake(_ key: CodingKeys, _ words: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: [key], debugDescription: words))
    }
}

extension ObjectField {
    /// Money stays money, so that it is counted, and what the vendor makes of a cell stays so, so that a row is known
    /// again.
    fileprivate mutating func inherit(from builtIn: ObjectField) {
        if money == nil, type == .integer || type == .decimal { money = builtIn.money }
        if sameAs == nil, money != nil { sameAs = builtIn.sameAs }
        if standard == nil, let word = builtIn.standard, words.contains(word) { standard = word }
    }
}
