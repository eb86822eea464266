/// A `multipart/form-data` body, read after RFC 7578.
struct MultipartForm {
    struct Part {
        var name: String
        var filename: String?
        var contentType: String?
        var content: ArraySlice<UInt8>
    }

    let parts: [Part]

    subscript(name: String) -> Part? { parts.first { $0.name == name } }

    /// The text of a field.
    func text(_ name: String) -> String? {
        self[name].map { String(decoding: $0.content, as: UTF8.self) }
    }

    /// The boundary a content type names; nil where it is no form.
    static func boundary(of contentType: String) -> String? {
        let pieces = contentType.split(separator: ";").map { $0.trimmed }
        guard pieces.first?.lowercased() == "multipart/form-data" else { return nil }
        for piece in pieces.dropFirst() where piece.lowercased().hasPrefix("boundary=") {
            let value = piece.dropFirst("boundary=".count)
            return value.hasPrefix("\"") && value.hasSuffix("\"") && value.count > 2
                ? String(value.dropFirst().dropLast()) : String(value)
        }
        return nil
    }

    /// Nil where the body does not end with its closing boundary, or a part has no head.
    init?(_ body: [UInt8], boundary: String) {
        let delimiter = Array("--\(boundary)".utf8)
        guard body.starts(with: delimiter) else { return nil }
        var parts: [Part] = []
        var position = delimiter.count
        while true {
            if body.matches(Self.closing, at: position) { break }
            guard body.matches(Self.newline, at: position),
                let headEnd = body.first(Self.blankLine, from: position),
                let end = body.first(Self.newline + delimiter, from: headEnd + 2),
                var part = Self.part(head: String(decoding: body[position..<headEnd], as: UTF8.self))
            else { return nil }
            let start = min(headEnd + 4, end)
            part.content = body[start..<end]
            parts.append(part)
            position = end + 2 + delimiter.count
        }
        self.parts = parts
    }

    private static let newline = Array("\r\n".utf8)
    private static let blankLine = Array("\r\n\r\n".utf8)
    private static let closing = Array("--".utf8)

    private static func part(head: String) -> Part? {
        var part = Part(name: "", filename: nil, contentType: nil, content: [])
        for line in head.split(whereSeparator: \.isNewline) {
            let pair = line.split(separator: ":", maxSplits: 1)
            guard pair.count == 2 else { return nil }
            switch pair[0].lowercased() {
            case "content-type": part.contentType = pair[1].trimmed
            case "content-disposition":
                for piece in pair[1].split(separator: ";").map(\.trimmed) {
                    let member = piece.split(separator: "=", maxSplits: 1).map(String.init)
                    guard member.count == 2 else { continue }
                    let value = member[1].filter { $0 != "\"" }
                    if member[0] == "name" { part.name = value }
                    if member[0] == "filename" { part.filename = value }
                }
            default: break
            }
        }
        return part.name.isEmpty ? nil : part
    }
}

extension StringProtocol {
    /// Without blanks at both ends.
    var trimmed: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}

extension [UInt8] {
    func matches(_ pattern: [UInt8], at position: Int) -> Bool {
        guard position + pattern.count <= count else { return false }
        for index in pattern.indices where self[position + index] != pattern[index] { return false }
        return true
    }

    /// Where `pattern` stands first, at `start` or after it.
    func first(_ pattern: [UInt8], from start: Int) -> Int? {
        guard let head = pattern.first, start >= 0 else { return nil }
        var position = start
        while position + pattern.count <= count {
            if self[position] == head, matches(pattern, at: position) { return position }
            position += 1
        }
        return nil
    }
}
