import Foundation

/// `Content-Disposition` after RFC 6266: a name for old clients and, where that loses letters, the true one.
enum ContentDisposition {
    static func attachment(_ name: String) -> String {
        let plain = String(
            decoding: name.utf8.map { byte -> UInt8 in
                (0x20...0x7E).contains(byte) && byte != 0x22 && byte != 0x5C && byte != 0x2F ? byte : 0x5F
            }, as: UTF8.self)
        guard plain != name else { return "attachment; filename=\"\(plain)\"" }
        return "attachment; filename=\"\(plain)\"; filename*=UTF-8''\(percentEncoded(name))"
    }

    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF")
        return text.utf8.map { byte -> String in
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F: String(UnicodeScalar(byte))
            default: "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }.joined()
    }

    /// The `name` and `filename` of a form's part (RFC 7578, 4.2); nil where it is none.
    static func formData(_ value: String) -> MultipartReader.PartHead? {
        let (kind, parameters) = parse(value)
        guard kind == "form-data", let name = parameters["name"] else { return nil }
        return MultipartReader.PartHead(name: name, filename: fileName(parameters))
    }

    /// The file name in a request's `Content-Disposition`.
    static func fileName(in value: String?) -> String? {
        value.flatMap { fileName(parse($0).parameters) }
    }

    /// Without any directories; nil where nothing is left.
    private static func fileName(_ parameters: [String: String]) -> String? {
        var name = parameters["filename"]
        if let extended = parameters["filename*"], let quote = extended.range(of: "''") {
            name = extended[quote.upperBound...].removingPercentEncoding ?? name
        }
        guard let last = name?.split(whereSeparator: { $0 == "/" || $0 == "\\" }).last else { return nil }
        let plain = String(last.unicodeScalars.filter { $0.value >= 0x20 && $0.value != 0x7F })
        return plain.isEmpty ? nil : String(plain.prefix(255))
    }

    /// A field's value before the first `;`, in lower case, and its parameters by name in lower case.
    static func parse(_ value: String) -> (kind: String, parameters: [String: String]) {
        var rest = Substring(value)
        func takeWord(upTo ends: Set<Character>) -> String {
            let word = rest.prefix { !ends.contains($0) }
            rest = rest[word.endIndex...]
            return word.trimmingCharacters(in: .whitespaces)
        }
        let kind = takeWord(upTo: [";"]).lowercased()
        var parameters: [String: String] = [:]
        while rest.first == ";" {
            rest.removeFirst()
            let name = takeWord(upTo: ["=", ";"]).lowercased()
            guard rest.first == "=" else { continue }
            rest.removeFirst()
            rest = rest.drop { $0 == " " }
            let text = rest.first == "\"" ? takeQuoted(&rest) : takeWord(upTo: [";"])
            if parameters[name] == nil, !name.isEmpty { parameters[name] = text }
        }
        return (kind, parameters)
    }

    /// Browsers write a quote as %22, older programs as \"; a backslash before anything else is one.
    private static func takeQuoted(_ rest: inout Substring) -> String {
        rest.removeFirst()
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
            if character == "\\", rest.first == "\"" || rest.first == "\\", let escaped = rest.popFirst() {
                text.append(escaped)
            } else {
                text.append(character)
            }
        }
        rest = rest.drop { $0 != ";" }
        return text.replacingOccurrences(of: "%22", with: "\"").replacingOccurrences(of: "%0D", with: "\r")
            .replacingOccurrences(of: "%0A", with: "\n")
    }
}
