import CausewayCore

/// Takes a JSON object apart, member by member, and gathers all that is wrong, so that the caller learns of
/// everything at once.
struct MemberReader {
    private var members: [String: JSONValue]
    private(set) var mistakes: [MemberMistake] = []
    private let path: String

    init(_ members: [String: JSONValue], path: String = "") {
        self.members = members
        self.path = path
    }

    /// Takes a member out: nil where it is absent. JSON's null is a value.
    mutating func take(_ name: String) -> JSONValue? { members.removeValue(forKey: name) }

    mutating func refuse(_ name: String, _ code: String, _ detail: String) {
        mistakes.append(MemberMistake(path + name, code, detail))
    }

    mutating func refuse(_ others: [MemberMistake]) { mistakes += others }

    /// A string, null or nothing. Lengths in UTF-8 bytes.
    mutating func optionalString(_ name: String, upTo length: Int) -> String?? {
        switch take(name) {
        case nil: return .none
        case .null?: return .some(nil)
        case .string(let text)? where text.utf8.count <= length && !text.utf8.contains(0): return .some(text)
        case .string?:
            refuse(name, "too_long", "No more than \(length) bytes of text, without NUL.")
        default: refuse(name, "invalid_type", "A string, or null.")
        }
        return .none
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>, orNull default: Int) -> Int? {
        switch take(name) {
        case nil: return nil
        case .null?: return `default`
        case let value? where value.integer.map(range.contains) == true: return value.integer.map { Int($0) }
        default:
            refuse(
                name, "out_of_range", "A whole number from \(range.lowerBound) to \(range.upperBound).")
            return nil
        }
    }

    mutating func bool(_ name: String) -> Bool? {
        switch take(name) {
        case nil: return nil
        case .bool(let value)?: return value
        default:
            refuse(name, "invalid_type", "true or false.")
            return nil
        }
    }

    /// One of an enumeration's words; null is the first of them.
    mutating func word<Word: RawRepresentable & CaseIterable>(_ name: String, of: Word.Type) -> Word?
    where Word.RawValue == String {
        switch take(name) {
        case nil: return nil
        case .null?: return Word.allCases.first
        case .string(let text)?:
            if let word = Word(rawValue: text) { return word }
        default: break
        }
        let words = Word.allCases.map { "`\($0.rawValue)`" }.joined(separator: ", ")
        refuse(name, "invalid_enum", "One of \(words).")
        return nil
    }

    /// A list of strings without doubles; null is an empty list.
    mutating func strings(_ name: String, upTo count: Int, length: Int = 200) -> [String]? {
        switch take(name) {
        case nil: return nil
        case .null?: return []
        case .array(let values)?:
            let texts = values.compactMap(\.string)
            guard texts.count == values.count else { break }
            guard texts.count <= count,
                texts.allSatisfy({ (1...length).contains($0.utf8.count) && !$0.utf8.contains(0) })
            else {
                refuse(name, "too_long", "No more than \(count) strings, each of 1 to \(length) bytes.")
                return nil
            }
            var seen: Set<String> = []
            return texts.filter { seen.insert($0).inserted }
        default: break
        }
        refuse(name, "invalid_type", "A list of strings.")
        return nil
    }

    /// What has not been taken out is unknown.
    mutating func finish(known: [String]) {
        for name in members.keys.sorted() {
            refuse(name, "unknown_field", "There is no such member. Those there are: \(known.joined(separator: ", ")).")
        }
        members = [:]
    }
}
