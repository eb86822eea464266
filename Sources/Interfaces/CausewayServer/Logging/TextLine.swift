import CausewayCore
import Logging

/// `02:43:00.000 notice   export queued  export=exp_… vendor_key=vrex_…`
enum TextLine {
    static func encode(
        time: Timestamp, level: Logger.Level, message: String, _ pairs: [(name: String, text: String)]
    ) -> [UInt8] {
        let clock = time.rfc3339.dropFirst(11).dropLast()
        let name = level.rawValue + String(repeating: " ", count: 8 - level.rawValue.count)
        var line = "\(clock) \(name) \(onOneLine(message))"
        for (index, pair) in pairs.enumerated() {
            line += "\(index == 0 ? "  " : " ")\(pair.name)=\(quoted(pair.text))"
        }
        return Array((line + "\n").utf8)
    }

    private static func quoted(_ text: String) -> String {
        let text = onOneLine(text)
        return text.isEmpty || text.contains(" ") || text.contains("\"")
            ? "\"\(text.replacing("\"", with: "\\\""))\"" : text
    }

    /// Escaped, so that what somebody sends cannot look like a line of ours or move the terminal's cursor.
    private static func onOneLine(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isControl) else { return text }
        return text.unicodeScalars.map { isControl($0) ? $0.escaped(asASCII: true) : String($0) }.joined()
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x20 || (0x7F...0x9F).contains(scalar.value)
    }
}
