public import Foundation

/// RFC 8259 section 4 leaves open what a member that is given twice means, and a decoder takes one of them in silence.
extension JSONValue {
    /// The first member of an object that was given before, as a path (`filter.report`, `events.0.id`); nil where there is
    /// none.
    /// - Parameter data: JSON; what comes of anything else is not said.
    public static func repeatedMember(in data: Data) -> String? {
        /// A list or an object that is open.
        struct Level {
            /// Nil in a list.
            var names: Set<String>?
            var isNameNext: Bool
            /// The member or place that is being read.
            var here = ""
            var count = 0
        }
        let bytes = Array(data)
        var levels: [Level] = []
        var place = 0
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "{"): levels.append(Level(names: [], isNameNext: true))
            case UInt8(ascii: "["): levels.append(Level(names: nil, isNameNext: false, here: "0"))
            case UInt8(ascii: "}"), UInt8(ascii: "]"): _ = levels.popLast()
            case UInt8(ascii: ","):
                guard var level = levels.popLast() else { return nil }
                level.count += 1
                if level.names == nil { level.here = String(level.count) } else { level.isNameNext = true }
                levels.append(level)
            case UInt8(ascii: "\""):
                let start = place
                while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
                    place += bytes[place] == UInt8(ascii: "\\") ? 2 : 1
                }
                place += 1
                guard levels.last?.isNameNext == true, place <= bytes.count, var level = levels.popLast() else {
                    continue
                }
                level.here = name(bytes[start..<place - 1])
                level.isNameNext = false
                let isNew = level.names?.insert(level.here).inserted ?? true
                levels.append(level)
                if !isNew { return levels.map(\.here).joined(separator: ".") }
            default: break
            }
        }
        return nil
    }

    /// Between its quotes, with what is escaped put in.
    private static func name(_ bytes: ArraySlice<UInt8>) -> String {
        let text = String(decoding: bytes, as: UTF8.self)
        guard bytes.contains(UInt8(ascii: "\\")) else { return text }
        return (try? JSONDecoder().decode(String.self, from: Data("\"\(text)\"".utf8))) ?? text
    }
}
