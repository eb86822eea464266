import CausewayCore

/// The columns and rules of one object, as data: the built-in ones are the JSON files in `CAssets/objects`, taken
/// from the vendor's importer guide; a program adds its own fields in its settings (`ObjectExtension`).
///
/// Encoded it is what `GET /v1/objects/{object}` answers.
public struct ObjectSchema: Codable, Hashable, Sendable {
    public var object: ImportObject
    public var title: String
    public var summary: String
    public var source: RuleSource
    /// The upload has to name a group.
    public var needsGroup: Bool
    /// Further query parameters that an upload of this object takes.
    public var options: [String]
    public var resend: Resend
    /// Fields each of which names one thing: a second row of a file with the same one is a mistake (`duplicate_key`).
    /// A row that gives none of them is known by all its cells (`comparesBesideKeys`).
    public var unique: [String]
    /// Sending a row again could add or pay a second time: rows that were forwarded are remembered, and refused in
    /// other files (`row_already_forwarded`).
    public var remembersRows: Bool
    public var headerCase: LetterCase
    public var unknownColumns: UnknownColumns
    public var fields: [ObjectField]
    public var metadata: MetadataColumns?
    public var rules: [ObjectRule]

    /// Whether the same rows can be sent a second time, when nobody knows if the first sending arrived.
    public enum Resend: String, Codable, CaseIterable, Sendable {
        /// A second time adds or pays again.
        case unsafe
        /// The vendor updates what it knows; invitations would go out again.
        case safeWithoutInvites = "safe_without_invites"
        case safe
    }

    public enum UnknownColumns: String, Codable, CaseIterable, Sendable {
        case refuse
        /// Columns nobody declared are custom fields, unless one is a letter away from a known name.
        case allow
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case object, title, summary, source, options, resend, unique, fields, metadata, rules
        case remembersRows = "remember_rows"
        case needsGroup = "needs_group"
        case headerCase = "header_case"
        case unknownColumns = "unknown_columns"
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownMembers(CodingKeys.allCases)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        object = try members.decode(ImportObject.self, forKey: .object)
        title = try members.decode(String.self, forKey: .title)
        summary = try members.decode(String.self, forKey: .summary)
        source = try members.decode(RuleSource.self, forKey: .source)
        needsGroup = try members.decodeIfPresent(Bool.self, forKey: .needsGroup) ?? false
        options = try members.decodeIfPresent([String].self, forKey: .options) ?? []
        resend = try members.decode(Resend.self, forKey: .resend)
        unique = try members.decodeIfPresent([String].self, forKey: .unique) ?? []
        remembersRows = try members.decodeIfPresent(Bool.self, forKey: .remembersRows) ?? false
        headerCase = try members.decodeIfPresent(LetterCase.self, forKey: .headerCase) ?? .any
        unknownColumns = try members.decodeIfPresent(UnknownColumns.self, forKey: .unknownColumns) ?? .refuse
        fields = try members.decode([ObjectField].self, forKey: .fields)
        metadata = try members.decodeIfPresent(MetadataColumns.self, forKey: .metadata)
        rules = try members.decodeIfPresent([ObjectRule].self, forKey: .rules) ?? []
        try confirmThatItHolds(decoder)
    }

    public func field(named name: String) -> ObjectField? {
        fields.first { $0.name == name }
    }

    /// A row that names its unique field is also known by what it says besides: whoever sends it once with and once
    /// without could pay twice. Not where every row has to name one.
    var comparesBesideKeys: Bool {
        resend == .unsafe && !unique.isEmpty && !unique.contains { field(named: $0)?.isRequired ?? false }
    }

    /// Whether a header's name, as it stands in the file, means a column of this object.
    public func knows(header name: String) -> Bool {
        let name = HeaderName.normalized(name, headerCase)
        if fields.contains(where: { HeaderName.normalized($0.name, headerCase) == name }) { return true }
        return metadata.map { name.hasPrefix($0.prefix) } ?? false
    }

    /// Rules may only speak of fields that exist.
    private func confirmThatItHolds(_ decoder: any Decoder) throws {
        var names: Set<String> = []
        for field in fields where !names.insert(field.name).inserted {
            throw refusal(decoder, "the field \(field.name) stands there twice")
        }
        for name in rules.flatMap(\.fieldNames) where !names.contains(name) {
            let near = NearestName.of(name, among: names).map { "; did you mean \($0)?" } ?? ""
            throw refusal(decoder, "a rule names the field \(name), which does not exist\(near)")
        }
        for name in unique where !names.contains(name) {
            throw refusal(decoder, "unique names the field \(name), which does not exist")
        }
        for field in fields {
            guard let name = field.sameAs else { continue }
            let other = self.field(named: name)
            guard other?.money != nil, other?.sameAs == nil, name != field.name else {
                throw refusal(decoder, "\(field.name) is the same as \(name), which is no other field of money")
            }
        }
        if unique.count > 8 { throw refusal(decoder, "more than 8 fields are unique") }
        for rule in rules {
            guard case .onlyIf(_, let when, let values) = rule.kind, let field = field(named: when) else { continue }
            guard field.type == .enumeration, values.allSatisfy(field.values.contains) else {
                throw refusal(decoder, "only_if needs an enum field and values of it; \(when) is none or lacks one")
            }
        }
        let ruled = Set(rules.flatMap(\.fieldNames)).union(fields.filter(\.isRequired).map(\.name))
        if ruled.count > 64 { throw refusal(decoder, "more than 64 fields are required or named by rules") }
    }

    private func refusal(_ decoder: any Decoder, _ reason: String) -> DecodingError {
        .dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: reason))
    }
}

/// How sure a rule is.
public enum RuleSource: String, Codable, CaseIterable, Sendable {
    /// The vendor's importer guide says so.
    case guide
    /// The vendor's API reference or its typed clients say so of the same thing.
    case reference
    /// Read off names and neighbours.
    case inferred
    /// This program's settings say so.
    case program
}

public enum LetterCase: String, Codable, CaseIterable, Sendable {
    /// `Email` is `email`.
    case any
    case exact
}

/// Columns whose names a file makes up behind a prefix.
public struct MetadataColumns: Codable, Hashable, Sendable {
    public var prefix: String
    /// Filled ones in one row.
    public var maxValues: Int
    /// Characters, without the prefix.
    public var maxKeyLength: Int
    /// Characters.
    public var maxValueLength: Int
    public var source: RuleSource
    public var description: String

    enum CodingKeys: String, CodingKey {
        case prefix, source, description
        case maxValues = "max_values"
        case maxKeyLength = "max_key_length"
        case maxValueLength = "max_value_length"
    }
}
