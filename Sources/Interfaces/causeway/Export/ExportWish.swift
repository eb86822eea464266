import CausewayCore

/// What is asked of the gateway; the same wish goes on with what an earlier run has begun.
struct ExportWish: Sendable, Hashable {
    var report: String
    var member: String?
    var showUnexpanded: Bool
    /// In seconds.
    var maxAge: Int?
    var failsWhenLimited: Bool
    var metadata: [String: String]

    var body: JSONValue {
        var members: [String: JSONValue] = ["report": .string(report)]
        if let member { members["member_email"] = .string(member) }
        if showUnexpanded { members["show_unexpanded"] = true }
        if let maxAge { members["max_age"] = .integer(Int64(maxAge)) }
        if failsWhenLimited { members["when_limited"] = "fail" }
        if !metadata.isEmpty { members["metadata"] = .object(metadata.mapValues(JSONValue.string)) }
        return .object(members)
    }
}
