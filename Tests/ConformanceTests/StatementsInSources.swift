import Foundation

/// The statements that stand in `Sources`, as their literal parts between arguments.
struct SourceStatement: Hashable {
    let file: String
    let parts: [String]

    static func all() throws -> [SourceStatement] {
        let sources = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "Sources")
        let files = FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil)
        var found: [SourceStatement] = []
        while let file = files?.nextObject() as? URL {
            // Steps of the schema are run by the migrator, and the adapters' own words by their tests.
            guard file.pathExtension == "swift", !file.lastPathComponent.hasSuffix("Migrations.swift"),
                !file.path().contains("/Adapters/")
            else { continue }
            for literal in literals(in: try String(contentsOf: file, encoding: .utf8)) {
                let parts = parts(of: literal)
                guard let verb = parts.first?.split(separator: " ").first,
                    ["SELECT", "INSERT", "UPDATE", "DELETE", "WITH"].contains(verb)
                else { continue }
                found.append(SourceStatement(file: file.lastPathComponent, parts: parts))
            }
        }
        return found
    }

    /// Whether this is in a statement that was run: all its parts, in order.
    func isFound(in text: String) -> Bool {
        var rest = text[...]
        for part in parts where !part.isEmpty {
            guard let range = rest.firstRange(of: part) else { return false }
            rest = rest[range.upperBound...]
        }
        return true
    }

    /// String literals of one line and of several, as they are written.
    private static func literals(in source: String) -> [String] {
        var found: [String] = []
        let code = source.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.drop { $0 == " " }.hasPrefix("//") }.joined(separator: "\n")
        var rest = code[...]
        while let start = rest.firstIndex(of: "\"") {
            rest = rest[start...]
            let quote = rest.hasPrefix("\"\"\"") ? "\"\"\"" : "\""
            rest = rest.dropFirst(quote.count)
            var literal = ""
            var depth = 0
            while let character = rest.first {
                if depth == 0, rest.hasPrefix(quote) { break }
                if rest.hasPrefix("\\("), depth == 0 {
                    literal += "\\("
                    rest = rest.dropFirst(2)
                    depth = 1
                    continue
                }
                if depth > 0, character == "(" { depth += 1 }
                if depth > 0, character == ")" { depth -= 1 }
                literal.append(character)
                rest = rest.dropFirst()
            }
            rest = rest.dropFirst(quote.count)
            found.append(literal)
        }
        return found
    }

    private static func parts(of literal: String) -> [String] {
        var parts = [""]
        var depth = 0
        var rest = literal[...]
        while let character = rest.first {
            if depth == 0, rest.hasPrefix("\\(") {
                depth = 1
                parts.append("")
                rest = rest.dropFirst(2)
                continue
            }
            if depth > 0 {
                if character == "(" { depth += 1 }
                if character == ")" { depth -= 1 }
            } else {
                parts[parts.count - 1].append(character)
            }
            rest = rest.dropFirst()
        }
        return parts.map { plain($0).trimmingCharacters(in: .whitespaces) }
    }

    /// Words apart by one space.
    static func plain(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }
}
