import CausewayCore

/// One field of a cron line: which values it takes and how they are written.
struct CronField: Sendable {
    /// As people call it.
    let name: String
    let range: ClosedRange<Int>
    /// The words for its values, from the lowest value on.
    var words: [String] = []

    static let minute = CronField(name: "minute", range: 0...59)
    static let hour = CronField(name: "hour", range: 0...23)
    static let dayOfMonth = CronField(name: "day of the month", range: 1...31)
    static let month = CronField(
        name: "month", range: 1...12,
        words: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"])
    /// 7 is Sunday too.
    static let dayOfWeek = CronField(
        name: "day of the week", range: 0...7, words: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"])

    static let all = [minute, hour, dayOfMonth, month, dayOfWeek]

    /// What a field's text stands for.
    struct Values: Hashable, Sendable {
        /// One bit for each value.
        var bits: UInt64 = 0
        /// Whether the text begins with `*`: then the day fields do not widen one another.
        var isOpen = false

        func contains(_ value: Int) -> Bool { bits & (1 << UInt64(value)) != 0 }
        func values(in range: ClosedRange<Int>) -> [Int] { range.filter(contains) }
    }

    /// Reads a list of values, ranges and steps.
    func read(_ text: Substring) throws(CronMistake) -> Values {
        var values = Values()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            try add(part, to: &values)
        }
        values.isOpen = text.hasPrefix("*")
        if range.upperBound == 7, values.contains(7) { values.bits = (values.bits | 1) & ~(1 << 7) }
        return values
    }

    // MARK: Parts

    private func add(_ part: Substring, to values: inout Values) throws(CronMistake) {
        let halves = part.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        var (first, last) = (range.lowerBound, range.upperBound)
        var isRange = true
        if halves[0] == "*" {
            // In the week 0 and 7 are one day.
            if last == 7 { last = 6 }
        } else {
            let ends = halves[0].split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false)
            first = try value(ends[0])
            isRange = ends.count == 2
            last = isRange ? try value(ends[1], isLast: true) : first
        }
        guard first <= last else {
            throw mistake("`\(halves[0])` runs backwards; write it as two ranges, separated by a comma")
        }
        guard halves.count == 2 else {
            for value in first...last { values.bits |= 1 << UInt64(value) }
            return
        }
        guard isRange else {
            throw mistake(
                "a step follows `*` or a range: write `\(first)-\(min(range.upperBound, 59))/\(halves[1])`")
        }
        guard let step = Self.number(halves[1]), step > 0 else {
            throw mistake("`\(halves[1])` is no step; write a whole number from 1")
        }
        guard step == 1 || step <= last - first else {
            throw mistake(
                "the step \(step) never comes to a second value in `\(halves[0])`, and does not go on in the next round"
            )
        }
        for value in stride(from: first, through: last, by: step) { values.bits |= 1 << UInt64(value) }
    }

    private func value(_ text: Substring, isLast: Bool = false) throws(CronMistake) -> Int {
        if let number = Self.number(text) {
            guard range.contains(number) else {
                throw mistake("\(number) is not from \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
        if let place = words.firstIndex(of: text.lowercased()) {
            // As the end of a range the week's Sunday is its last day.
            return isLast && place == 0 && range.lowerBound == 0 ? range.upperBound : range.lowerBound + place
        }
        if text.contains(where: { $0 == "?" || $0 == "#" }) || Self.isLastOrNearest(text) {
            throw mistake("`\(text.prefix(20))` belongs to other dialects of cron; use lists, ranges and steps")
        }
        let near = NearestName.of(String(text), among: words).map { "; did you mean `\($0)`?" } ?? ""
        let known =
            words.isEmpty ? "" : ", or \(words[0].uppercased()) to \(words[words.count - 1].uppercased())"
        throw mistake(
            "`\(text.prefix(20))` is no number from \(range.lowerBound) to \(range.upperBound)\(known)\(near)")
    }

    /// `L`, `5L`, `W`, `15W`
    private static func isLastOrNearest(_ text: Substring) -> Bool {
        guard let last = text.last, "LW".contains(last) else { return false }
        return text.dropLast().utf8.allSatisfy { (48...57).contains($0) }
    }

    private func mistake(_ words: String) -> CronMistake { CronMistake(words: "In the \(name): \(words).") }

    private static func number(_ text: Substring) -> Int? {
        guard (1...4).contains(text.utf8.count), text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}

/// What is wrong with a cron line, and how to mend it.
public struct CronMistake: Error, Hashable, Sendable {
    public let words: String
}
