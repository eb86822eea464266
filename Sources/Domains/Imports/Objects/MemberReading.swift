extension Decoder {
    /// A mistyped member is an error, never silently without effect.
    func refuseUnknownMembers(_ known: [some CodingKey]) throws {
        let names = known.map(\.stringValue)
        let unknown = try container(keyedBy: MemberName.self).allKeys.filter { !names.contains($0.stringValue) }
        guard let first = unknown.min(by: { $0.stringValue < $1.stringValue }) else { return }
        let near = HeaderName.nearest(to: first.stringValue, among: names).map { "did you mean \($0)?" }
        throw DecodingError.dataCorrupted(
            .init(
                codingPath: codingPath + [first],
                debugDescription: "there is no member \"\(first.stringValue)\"; "
                    + (near ?? "there are: \(names.sorted().joined(separator: ", "))")))
    }
}

extension KeyedDecodingContainer {
    /// One of an enum's words; nil where nothing is said.
    func word<Word: RawRepresentable & CaseIterable>(forKey key: Key) throws -> Word? where Word.RawValue == String {
        guard let text = try decodeIfPresent(String.self, forKey: key) else { return nil }
        if let word = Word(rawValue: text) { return word }
        let words = Word.allCases.map(\.rawValue)
        let near = HeaderName.nearest(to: text, among: words).map { "did you mean \($0)? " } ?? ""
        throw DecodingError.dataCorruptedError(
            forKey: key, in: self,
            debugDescription: "\"\(text)\" is not known; \(near)there are: \(words.joined(separator: ", "))")
    }
}

struct MemberName: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
