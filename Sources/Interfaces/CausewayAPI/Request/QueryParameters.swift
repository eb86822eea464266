import CausewayCore
import Hummingbird

/// A request's query, read parameter by parameter. An unknown parameter is refused, so that a typo in a filter is
/// never taken for no filter.
struct QueryParameters {
    private let pairs: [(name: String, value: String)]
    private var known: Set<String> = []
    private var problems: [FieldProblem] = []
    /// Of the list that is asked for.
    let cursor: Cursor

    init(_ request: Request) {
        pairs = request.uri.queryParameters.map { (String($0.key), String($0.value)) }
        cursor = Cursor(
            path: request.uri.path, filters: pairs.filter { !["cursor", "limit", "wait", "after"].contains($0.name) })
    }

    /// As many as a filter may have: each number of values is a statement of its own in the store.
    static let maximumValues = 50

    /// All values of a parameter, each once; commas do not separate.
    mutating func all(_ name: String) -> [String] {
        known.insert(name)
        var seen: Set<String> = []
        let values = pairs.lazy.filter { $0.name == name }.map(\.value).filter { seen.insert($0).inserted }
        let kept = Array(values)
        if kept.count > Self.maximumValues {
            refuse(name, "too_many", "Give \(Self.maximumValues) values at most.")
            return []
        }
        return kept
    }

    /// The single value of a parameter.
    mutating func one(_ name: String) -> String? {
        known.insert(name)
        let values = pairs.filter { $0.name == name }.map(\.value)
        if values.count > 1 { refuse(name, "repeated", "Give this parameter once.") }
        return values.first
    }

    /// All values, each one of `choices`.
    mutating func all(_ name: String, oneOf choices: [String]) -> [String] {
        let values = all(name)
        for value in values where !choices.contains(value) {
            refuse(name, "not_one_of", "This must be one of: \(choices.joined(separator: ", ")).")
        }
        return values
    }

    mutating func one(_ name: String, oneOf choices: [String]) -> String? {
        let value = one(name)
        if let value, !choices.contains(value) {
            refuse(name, "not_one_of", "This must be one of: \(choices.joined(separator: ", ")).")
        }
        return value
    }

    mutating func flag(_ name: String) -> Bool? {
        one(name, oneOf: ["true", "false"]).map { $0 == "true" }
    }

    /// `limit` and `cursor`.
    /// - Parameter isKey: whether a text can be a key of this list.
    mutating func page(_ isKey: (String) -> Bool) -> PageRequest {
        var page = PageRequest()
        if let text = one("limit") {
            if let limit = Int(text), PageRequest.limits.contains(limit) {
                page.limit = limit
            } else {
                refuse("limit", "out_of_range", "This must be a whole number from 1 to 200.")
            }
        }
        if let text = one("cursor") {
            page.after = cursor.decode(text).flatMap { isKey($0) ? $0 : nil }
            if page.after == nil {
                refuse(
                    "cursor", "invalid_cursor",
                    "Give `next_cursor` of the page before as it was, to the same list with the same filters.")
            }
        }
        return page
    }

    /// `wait` in seconds, 0 to 60.
    mutating func wait() -> Duration? {
        guard let text = one("wait") else { return nil }
        guard let seconds = Int(text), (0...60).contains(seconds) else {
            refuse("wait", "out_of_range", "This must be a whole number of seconds from 0 to 60.")
            return nil
        }
        return .seconds(seconds)
    }

    mutating func refuse(_ name: String, _ code: String, _ detail: String) {
        problems.append(FieldProblem(field: name, code: code, detail: detail))
    }

    /// Throws everything that was wrong, unknown parameters included.
    mutating func finish() throws {
        for (name, value) in pairs where name.holdsNUL || value.holdsNUL {
            guard problems.count < FieldProblem.limit else { break }
            problems.append(.nul(name.showingNUL))
        }
        for (name, _) in pairs where !known.contains(name) && problems.count < FieldProblem.limit {
            let near = NearestName.of(name, among: known).map { "; did you mean `\($0)`?" } ?? "."
            refuse(name, "unknown_parameter", "There is no such parameter here\(near)")
        }
        guard problems.isEmpty else { throw Problem.invalid(problems) }
    }
}
