import CausewayCore

/// What to put in place of a value that is wrong, where that can be told without guessing.
enum Suggestion {
    static func instead(of value: String, code: ProblemCode, field: ObjectField?) -> String? {
        let trimmed = HeaderName.trimmed(value)
        let suggestion: String? =
            switch code {
            case .invalidEmail: email(trimmed)
            case .invalidDate: date(trimmed)
            case .invalidAmount: field.flatMap { amount(trimmed, $0) }
            case .invalidCurrency: currency(trimmed)
            case .invalidBoolean: boolean(trimmed)
            case .invalidEnum: field.flatMap { HeaderName.nearest(to: trimmed, among: $0.values) }
            default: nil
            }
        return suggestion == value ? nil : suggestion
    }

    private static func email(_ value: String) -> String? {
        var text = value[...]
        if text.lowercased().hasPrefix("mailto:") { text = text.dropFirst(7) }
        if text.hasPrefix("<"), text.hasSuffix(">") { text = text.dropFirst().dropLast() }
        let bytes = Array(text.utf8)
        return unsafe !bytes.isEmpty && EmailCheck.isValid(bytes.span.bytes, 0, bytes.count) ? String(text) : nil
    }

    /// Only where one reading is possible: year first, or a day above 12.
    private static func date(_ value: String) -> String? {
        let day = value.prefix { $0 != "T" && $0 != " " }
        let parts = day.split(omittingEmptySubsequences: false) { "-/.".contains($0) }
        let numbers = parts.compactMap { $0.count <= 4 ? Int($0) : nil }
        guard numbers.count == 3, parts.count == 3 else { return nil }
        let found: CalendarDay?
        if parts[0].count == 4 {
            found = CalendarDay(year: numbers[0], month: numbers[1], day: numbers[2])
        } else if parts[2].count == 4, numbers[0] > 12 || numbers[0] == numbers[1] {
            found = CalendarDay(year: numbers[2], month: numbers[1], day: numbers[0])
        } else if parts[2].count == 4, numbers[1] > 12 {
            found = CalendarDay(year: numbers[2], month: numbers[0], day: numbers[1])
        } else {
            found = nil
        }
        guard let found, DateCheck.years.contains(found.year) else { return nil }
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(found.year)-\(padded(found.month))-\(padded(found.day))"
    }

    /// Currency signs, spaces and thousands' separators taken off; never a point moved.
    private static func amount(_ value: String, _ field: ObjectField) -> String? {
        let bare = value.filter { !"$€£¥ \u{A0}'".contains($0) }
        let groups = bare.split(separator: ",", omittingEmptySubsequences: false)
        // 1,000 and 1,000,000.50 are grouped by thousands; 10,50 may be a decimal comma.
        let isGrouped = groups.dropFirst().allSatisfy { $0.prefix { $0.isNumber }.count == 3 }
        guard isGrouped else { return nil }
        var text = groups.joined()
        if text.hasPrefix("+") { text.removeFirst() }
        if field.type == .integer, text.hasSuffix(".00") || text.hasSuffix(".0") {
            // Cents written like dollars: nobody but the author knows which.
            return nil
        }
        let bytes = Array(text.utf8)
        guard !bytes.isEmpty else { return nil }
        let (minimum, maximum) = (field.minimum ?? .min, field.maximum ?? .max)
        let isRight =
            unsafe field.type == .integer
            ? AmountCheck.isInteger(bytes.span.bytes, 0, bytes.count, minimum: minimum, maximum: maximum)
            : AmountCheck.isDecimal(
                bytes.span.bytes, 0, bytes.count, minimum: minimum, maximum: maximum,
                decimals: field.maxDecimals ?? 18)
        return isRight ? text : nil
    }

    private static func currency(_ value: String) -> String? {
        let signs = ["€": "EUR", "£": "GBP"]
        let code = signs[value] ?? value.uppercased()
        return CurrencyCheck.codes.contains(code) ? code : nil
    }

    private static func boolean(_ value: String) -> String? {
        switch value.lowercased() {
        case "true", "yes", "y", "1", "t": "true"
        case "false", "no", "n", "0", "f": "false"
        default: nil
        }
    }
}
