/// How the names in a header are compared, and which known one an unknown one is nearest to.
enum HeaderName {
    static func normalized(_ name: String, _ letterCase: LetterCase) -> String {
        // As most names are; asked for each field, for each of up to a thousand columns.
        let isPlain = name.utf8.allSatisfy { $0 &- 0x61 < 26 || $0 &- 0x30 < 10 || $0 == 0x5F || $0 == 0x2E }
        if isPlain { return name }
        let trimmed = trimmed(name)
        return letterCase == .any ? trimmed.lowercased() : trimmed
    }

    /// Without white space at both ends (no-break spaces and stray byte order marks too, which spreadsheets leave).
    static func trimmed(_ name: String) -> String {
        func isSpace(_ character: Character) -> Bool { character.isWhitespace || character == "\u{FEFF}" }
        return String(name.drop(while: isSpace).reversed().drop(while: isSpace).reversed())
    }

    /// The candidate that fewest slips of the pen away is; nil where it would take more than `most`, or more than
    /// a third of the name.
    static func nearest(to name: String, among candidates: [String], most: Int = 3) -> String? {
        let folded = folded(name)
        let best = candidates.map { (name: $0, distance: distance(folded, Self.folded($0))) }.min {
            $0.distance < $1.distance
        }
        guard let best, best.distance <= min(most, max(1, folded.count / 3)) else { return nil }
        return best.name
    }

    /// Lower case, and `_` for whatever people join words with.
    private static func folded(_ name: String) -> [UInt8] {
        trimmed(name).lowercased().utf8.map { $0 == 0x20 || $0 == 0x2D || $0 == 0x2E ? 0x5F : $0 }
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard left.count <= 100, right.count <= 100 else { return .max }
        var beforeLast: [Int] = []
        var last = Array(0...right.count)
        for (row, byte) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var cost = min(last[column + 1] + 1, current[column] + 1, last[column] + (byte == other ? 0 : 1))
                if row > 0, column > 0, byte == right[column - 1], left[row - 1] == other {
                    cost = min(cost, beforeLast[column - 1] + 1)
                }
                current.append(cost)
            }
            (beforeLast, last) = (last, current)
        }
        return last[right.count]
    }
}
