/// A rule over several columns of one row. A column counts as given where its cell holds more than spaces.
public struct ObjectRule: Hashable, Sendable {
    public var kind: Kind
    public var source: RuleSource

    public enum Kind: Hashable, Sendable {
        case atLeastOneOf([String])
        case exactlyOneOf([String])
        /// Where `field` is given, `needed` have to be too.
        case requires(field: String, needed: [String])
        /// `field` may be given only where the enum field `when` is one of `values`.
        case onlyIf(field: String, when: String, values: [String])
    }

    var fieldNames: [String] {
        switch kind {
        case .atLeastOneOf(let names), .exactlyOneOf(let names): names
        case .requires(let field, let needed): [field] + needed
        case .onlyIf(let field, let when, _): [field, when]
        }
    }
}

extension ObjectRule: Codable {
    enum CodingKeys: String, CodingKey, CaseIterable {
        case rule, fields, field, when, values, source
    }

    private enum Name: String, CaseIterable, Codable {
        case atLeastOneOf = "at_least_one_of"
        case exactlyOneOf = "exactly_one_of"
        case requires
        case onlyIf = "only_if"
    }

    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownMembers(CodingKeys.allCases)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        source = try members.word(forKey: .source) ?? .program
        guard let name: Name = try members.word(forKey: .rule) else {
            throw DecodingError.keyNotFound(
                CodingKeys.rule, .init(codingPath: members.codingPath, debugDescription: "a rule says which it is"))
        }
        switch name {
        case .atLeastOneOf: kind = .atLeastOneOf(try members.decode([String].self, forKey: .fields))
        case .exactlyOneOf: kind = .exactlyOneOf(try members.decode([String].self, forKey: .fields))
        case .requires:
            kind = .requires(
                field: try members.decode(String.self, forKey: .field),
                needed: try members.decode([String].self, forKey: .fields))
        case .onlyIf:
            kind = .onlyIf(
                field: try members.decode(String.self, forKey: .field),
                when: try members.decode(String.self, forKey: .when),
                values: try members.decode([String].self, forKey: .values))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var members = encoder.container(keyedBy: CodingKeys.self)
        try members.encode(source, forKey: .source)
        switch kind {
        case .atLeastOneOf(let names):
            try members.encode(Name.atLeastOneOf, forKey: .rule)
            try members.encode(names, forKey: .fields)
        case .exactlyOneOf(let names):
            try members.encode(Name.exactlyOneOf, forKey: .rule)
            try members.encode(names, forKey: .fields)
        case .requires(let field, let needed):
            try members.encode(Name.requires, forKey: .rule)
            try members.encode(field, forKey: .field)
            try members.encode(needed, forKey: .fields)
        case .onlyIf(let field, let when, let values):
            try members.encode(Name.onlyIf, forKey: .rule)
            try members.encode(field, forKey: .field)
            try members.encode(when, forKey: .when)
            try members.encode(values, forKey: .values)
        }
    }
}
