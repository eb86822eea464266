public import CausewayCore

extension ObjectSchema {
    /// The columns as a Frictionless Table Schema, for programs that check a file before it is sent. What that cannot say
    /// (rules over several columns, metadata columns) stands there as members of our own, which readers pass over.
    ///
    /// Source: https://specs.frictionlessdata.io/table-schema/
    public var tableSchema: JSONValue {
        var members: [String: JSONValue] = [
            "title": .string(title), "description": .string(summary), "missingValues": [""],
            "fields": .array(fields.map(\.tableField)),
        ]
        if let rules = try? JSONValue(parsing: JSONText.encode(rules)) { members["rules"] = rules }
        if let metadata, let json = try? JSONValue(parsing: JSONText.encode(metadata)) { members["metadata"] = json }
        return .object(members)
    }
}

extension ObjectField {
    fileprivate var tableField: JSONValue {
        var constraints: [String: JSONValue] = [:]
        if isRequired { constraints["required"] = true }
        var members: [String: JSONValue] = ["name": .string(name)]
        if !description.isEmpty { members["description"] = .string(description) }
        if !example.isEmpty { members["example"] = .string(example) }
        switch type {
        case .string, .tags: members["type"] = "string"
        case .email:
            members["type"] = "string"
            members["format"] = "email"
        case .date: members["type"] = "date"
        case .dateOrEpochMilliseconds:
            members["type"] = "string"
            constraints["pattern"] = #"([0-9]{4}-[0-9]{2}-[0-9]{2}|[1-9][0-9]{11,14})"#
        case .integer: members["type"] = "integer"
        case .decimal: members["type"] = "number"
        case .boolean:
            members["type"] = "boolean"
            members["trueValues"] = ["true"]
            members["falseValues"] = ["false"]
        case .enumeration:
            members["type"] = "string"
            // A list cannot say that letters of either case will do.
            if valueCase == .exact { constraints["enum"] = .array(values.map(JSONValue.string)) }
        case .currency:
            members["type"] = "string"
            constraints["enum"] = .array(CurrencyCheck.codes.map(JSONValue.string))
        }
        if members["type"] == "string" {
            if let minLength { constraints["minLength"] = .integer(Int64(minLength)) }
            if let maxLength { constraints["maxLength"] = .integer(Int64(maxLength)) }
        }
        if type == .integer || type == .decimal {
            if let minimum { constraints["minimum"] = .integer(minimum) }
            if let maximum { constraints["maximum"] = .integer(maximum) }
        }
        if let standard { members["default"] = .string(standard) }
        if let sameAs { members["same_as"] = .string(sameAs) }
        if !constraints.isEmpty { members["constraints"] = .object(constraints) }
        return .object(members)
    }
}
