public import CausewayCore

/// What is wrong with a fault's description.
public struct FaultError: Error, CustomStringConvertible {
    public let description: String
}

extension Fault {
    static let members = [
        "route", "count", "skip", "probability", "delay", "delay_ms", "status", "message", "retry_after", "after_bytes",
        "processed",
    ]

    /// Reads `kind,member=value,…`; `processed` alone means true.
    public init(parsing text: String) throws(FaultError) {
        let parts = text.split(separator: ",").map(String.init)
        var members: [String: JSONValue] = ["kind": .string(parts.first ?? "")]
        for part in parts.dropFirst() {
            let pair = part.split(separator: "=", maxSplits: 1).map(String.init)
            let value = pair.count == 2 ? pair[1] : "true"
            switch pair[0] {
            case "route", "message", "delay": members[pair[0]] = .string(value)
            case "processed": members[pair[0]] = .bool(value == "true")
            default: members[pair[0]] = Double(value).map { .number($0) } ?? .string(value)
            }
        }
        try self.init(json: .object(members))
    }

    public init(json: JSONValue) throws(FaultError) {
        guard let members = json.object, let name = members["kind"]?.string, let kind = Kind(rawValue: name) else {
            let kinds = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            throw FaultError(description: "a fault needs a kind, one of \(kinds)")
        }
        self.init(kind, route: members["route"]?.string)
        for (name, value) in members where name != "kind" {
            guard Self.members.contains(name) else {
                throw FaultError(description: "a fault has no \(name); it has \(Self.members.joined(separator: ", "))")
            }
            guard set(name, to: value) else {
                throw FaultError(description: "\(value.text) is no \(name) of a fault")
            }
        }
    }

    private mutating func set(_ name: String, to value: JSONValue) -> Bool {
        let whole = value.integer.flatMap(Int.init(exactly:)).flatMap { $0 >= 0 ? $0 : nil }
        switch name {
        case "route": return value.string != nil
        case "message":
            message = value.string
            return message != nil
        case "delay":
            guard let duration = value.string.flatMap(DurationText.parse) else { return false }
            delay = duration
        case "processed":
            guard let flag = value.bool else { return false }
            processed = flag
        case "probability":
            guard let number = value.double, (0...1).contains(number) else { return false }
            probability = number
        default:
            guard let whole else { return value.isNull }
            switch name {
            case "count": count = whole
            case "skip": skip = whole
            case "delay_ms": delay = .milliseconds(whole)
            case "status":
                guard (200...599).contains(whole) else { return false }
                status = whole
            case "retry_after": retryAfter = whole
            default: afterBytes = whole
            }
        }
        return true
    }

    /// As the control surface shows it.
    var json: JSONValue {
        [
            "id": .string(id), "kind": .string(kind.rawValue), "route": .string(route),
            "count": count.map { .integer(Int64($0)) } ?? nil, "skip": .integer(Int64(skip)),
            "probability": .number(probability), "delay_ms": .integer(delay.wholeMilliseconds),
            "status": .integer(Int64(status)), "message": .optional(message),
            "retry_after": retryAfter.map { .integer(Int64($0)) } ?? nil,
            "after_bytes": afterBytes.map { .integer(Int64($0)) } ?? nil, "processed": .bool(processed),
            "used": .integer(Int64(used)),
        ]
    }
}

extension JSONValue {
    var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }
}
