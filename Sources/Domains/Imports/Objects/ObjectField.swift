/// One column of an object.
public struct ObjectField: Codable, Hashable, Sendable {
    public var name: String
    public var type: FieldType
    public var isRequired: Bool
    public var description: String
    public var example: String
    public var source: RuleSource
    /// Characters of a cell that is filled.
    public var minLength: Int?
    public var maxLength: Int?
    /// Of integers and decimals, inclusive; whole numbers.
    public var minimum: Int64?
    public var maximum: Int64?
    /// Digits behind the point.
    public var maxDecimals: Int?
    /// What an enum may be.
    public var values: [String]
    /// How an enum's values are compared.
    public var valueCase: LetterCase
    /// What the number counts where it is money, so that a file's sum can be told.
    public var money: Money?
    /// The field that holds the same money, perhaps in another unit: an amount is the same row in either.
    public var sameAs: String?
    /// Of an enum or a boolean: what the vendor makes of an empty cell. The row is the same with it spelled out.
    public var standard: String?

    public enum Money: String, Codable, CaseIterable, Sendable {
        /// Hundredths of the currency's unit.
        case cents
        case whole
    }

    public enum FieldType: String, Codable, CaseIterable, Sendable {
        case string
        case email
        /// `2020-12-25`, a day of the calendar.
        case date
        /// A date, or whole milliseconds since 1970-01-01T00:00:00Z.
        case dateOrEpochMilliseconds = "date_or_epoch_ms"
        case integer
        case decimal
        /// `true` or `false`.
        case boolean
        case enumeration = "enum"
        /// Three capital letters after ISO 4217.
        case currency
        /// Separated by commas.
        case tags
    }

    public init(name: String, type: FieldType = .string, isRequired: Bool = false, source: RuleSource = .program) {
        self.name = name
        self.type = type
        self.isRequired = isRequired
        self.description = ""
        self.example = ""
        self.source = source
        self.values = []
        self.valueCase = .exact
    }

    enum CodingKeys: String, CodingKey, CaseIterable {
        case name, type, description, example, source, minimum, maximum, values
        case isRequired = "required"
        case minLength = "min_length"
        case maxLength = "max_length"
        case maxDecimals = "max_decimals"
        case valueCase = "value_case"
        case money
        case sameAs = "same_as"
        case standard = "default"
    }

    /// Everything but `name` has a default: a string that may be empty, declared by the program.
    public init(from decoder: any Decoder) throws {
        try decoder.refuseUnknownMembers(CodingKeys.allCases)
        let members = try decoder.container(keyedBy: CodingKeys.self)
        name = try members.decode(String.self, forKey: .name)
        type = try members.word(forKey: .type) ?? .string
        isRequired = try members.decodeIfPresent(Bool.self, forKey: .isRequired) ?? false
        description = try members.decodeIfPresent(String.self, forKey: .description) ?? ""
        example = try members.decodeIfPresent(String.self, forKey: .example) ?? ""
        source = try members.word(forKey: .source) ?? .program
        minLength = try members.decodeIfPresent(Int.self, forKey: .minLength)
        maxLength = try members.decodeIfPresent(Int.self, forKey: .maxLength)
        minimum = try members.decodeIfPresent(Int64.self, forKey: .minimum)
        maximum = try members.decodeIfPresent(Int64.self, forKey: .maximum)
        maxDecimals = try members.decodeIfPresent(Int.self, forKey: .maxDecimals)
        values = try members.decodeIfPresent([String].self, forKey: .values) ?? []
        valueCase = try members.word(forKey: .valueCase) ?? .exact
        money = try members.word(forKey: .money)
        sameAs = try members.decodeIfPresent(String.self, forKey: .sameAs)
        standard = try members.decodeIfPresent(String.self, forKey: .standard)
        func refuse(_ key: CodingKeys, _ words: String) -> DecodingError {
            .dataCorrupted(.init(codingPath: members.codingPath + [key], debugDescription: words))
        }
        if money != nil, type != .integer, type != .decimal || (maxDecimals ?? 3) > 2 {
            throw refuse(.money, "\(name): money is an integer, or a decimal with max_decimals 2 at most")
        }
        if sameAs != nil, money == nil {
            throw refuse(.sameAs, "\(name): same_as is for fields that are money; say `money: whole` or `money: cents`")
        }
        if let standard, !words.contains(standard) {
            throw refuse(.standard, "\(name): default is one of an enum's values, or true or false of a boolean")
        }
        if name.allSatisfy(\.isWhitespace) { throw refuse(.name, "a field needs a name") }
        if (type == .enumeration) == values.isEmpty {
            throw refuse(.values, "\(name): an enum, and only one, has values")
        }
        if let minLength, let maxLength, minLength > maxLength {
            throw refuse(.minLength, "\(name): min_length is greater than max_length")
        }
        if let minimum, let maximum, minimum > maximum {
            throw refuse(.minimum, "\(name): minimum is greater than maximum")
        }
    }

    /// What a cell may be where there is a list of that.
    var words: [String] {
        switch type {
        case .boolean: ["true", "false"]
        case .enumeration: values
        case .string, .email, .date, .dateOrEpochMilliseconds, .integer, .decimal, .currency, .tags: []
        }
    }
}
