import CausewayCore
import Logging

/// `{"time":"…","level":"info","message":"…","export":"exp_…"}`
enum JSONLine {
    private static let reserved: Set = ["time", "level", "message"]

    static func encode(
        time: Timestamp, level: Logger.Level, message: String, _ pairs: [(name: String, text: String)]
    ) -> [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(256)
        line.append(UInt8(ascii: "{"))
        member("time", time.rfc3339, to: &line)
        member("level", level.rawValue, to: &line)
        member("message", message, to: &line)
        // A second member of the same name would hide the first.
        for (name, text) in pairs { member(reserved.contains(name) ? "metadata.\(name)" : name, text, to: &line) }
        line.append(contentsOf: [UInt8(ascii: "}"), UInt8(ascii: "\n")])
        return line
    }

    private static func member(_ name: String, _ text: String, to line: inout [UInt8]) {
        if line.count > 1 { line.append(UInt8(ascii: ",")) }
        quote(name, to: &line)
        line.append(UInt8(ascii: ":"))
        quote(text, to: &line)
    }

    /// By hand, since a line is written for every request and delivery, and `JSONEncoder` takes 6 µs for one.
    private static func quote(_ text: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): line.append(contentsOf: [UInt8(ascii: "\\"), byte])
            case 0x0A: line.append(contentsOf: "\\n".utf8)
            case 0x0D: line.append(contentsOf: "\\r".utf8)
            case 0x09: line.append(contentsOf: "\\t".utf8)
            case 0..<0x20: line.append(contentsOf: "\\u00\(byte < 16 ? "0" : "1")\(String(byte % 16, radix: 16))".utf8)
            default: line.append(byte)
            }
        }
        line.append(UInt8(ascii: "\""))
    }
}
