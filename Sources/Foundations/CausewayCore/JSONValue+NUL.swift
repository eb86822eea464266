/// U+0000 may stand in JSON, and no text column of PostgreSQL can keep it.
extension JSONValue {
    /// Where the first text with U+0000 stands, a value or a member's name: `metadata.team`, `events.0`. Empty for the
    /// value itself; nil where there is none.
    public var placeOfNUL: String? { place([]).map { $0.joined(separator: ".") } }

    private func place(_ path: [String]) -> [String]? {
        switch self {
        case .null, .bool, .integer, .number: return nil
        case .string(let text): return text.holdsNUL ? path : nil
        case .array(let values):
            return values.enumerated().lazy.compactMap { $1.place(path + [String($0)]) }.first
        case .object(let members):
            return members.sorted { $0.key < $1.key }.lazy
                .compactMap { $0.holdsNUL ? path + [$0.showingNUL] : $1.place(path + [$0]) }.first
        }
    }

    /// The same with U+2400, a picture of it, in its place.
    public var showingNUL: JSONValue {
        switch self {
        case .null, .bool, .integer, .number: self
        case .string(let text): .string(text.showingNUL)
        case .array(let values): .array(values.map(\.showingNUL))
        case .object(let members):
            .object(Dictionary(members.map { ($0.showingNUL, $1.showingNUL) }, uniquingKeysWith: { first, _ in first }))
        }
    }
}

extension String {
    public var holdsNUL: Bool { utf8.contains(0) }

    /// The same with U+2400, a picture of it, in place of each U+0000.
    public var showingNUL: String { holdsNUL ? replacing("\0", with: "\u{2400}") : self }
}
