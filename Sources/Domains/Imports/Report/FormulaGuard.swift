/// Keeps a spreadsheet from taking a cell for a formula: an apostrophe goes before what begins with `=`, `+`, `-`, `@`,
/// a tab or a line end. A plain number with its sign stays as it is, for it is none and should still add up.
public enum FormulaGuard {
    static let apostrophe = UInt8(ascii: "'")

    public static func guarded(_ text: String) -> String {
        let bytes = Array(text.utf8)
        return isFormula(bytes[...]) ? "'" + text : text
    }

    static func isFormula(_ cell: ArraySlice<UInt8>) -> Bool {
        switch cell.first {
        case UInt8(ascii: "="), UInt8(ascii: "@"), 0x09, 0x0A, 0x0D: true
        case UInt8(ascii: "+"), UInt8(ascii: "-"): !isNumber(cell.dropFirst())
        default: false
        }
    }

    private static func isNumber(_ digits: ArraySlice<UInt8>) -> Bool {
        let parts = digits.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return parts.count <= 2 && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy { $0 &- 0x30 < 10 } }
    }

    /// Appends a record as it stands in a file, apostrophes put in and nothing else changed. Its quotes must be sound.
    static func append(record: ArraySlice<UInt8>, delimiter: UInt8, to bytes: inout [UInt8]) {
        let quote = UInt8(ascii: "\"")
        var start = record.startIndex
        while start < record.endIndex {
            let isQuoted = record[start] == quote
            var end = isQuoted ? start + 1 : start
            if isQuoted {
                bytes.append(quote)
                while end < record.endIndex {
                    let isDoubled = end + 1 < record.endIndex && record[end + 1] == quote
                    if record[end] == quote, !isDoubled { break }
                    end += record[end] == quote ? 2 : 1
                }
                if isFormula(record[start + 1..<min(end, record.endIndex)]) { bytes.append(apostrophe) }
                bytes += record[start + 1..<min(end, record.endIndex)]
                start = min(end, record.endIndex)
                end = start
            }
            while end < record.endIndex, record[end] != delimiter, record[end] != 0x0A, record[end] != 0x0D { end += 1 }
            if !isQuoted, isFormula(record[start..<end]) { bytes.append(apostrophe) }
            if end == start, !isQuoted, end < record.endIndex, record[end] != delimiter {
                // The end of the line, as it came.
                bytes += record[end...]
                return
            }
            bytes += record[start..<end]
            if end < record.endIndex, record[end] == delimiter {
                bytes.append(delimiter)
                end += 1
            } else {
                bytes += record[end...]
                return
            }
            start = end
        }
    }
}
