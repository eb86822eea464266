import CausewayCore

/// The header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
enum RetryAfter {
    /// No peer puts us off for longer, so that a mistaken value heals by itself.
    static let longest = Duration.seconds(3600)

    /// How long to wait, between nothing and `longest`; nil where the value says nothing.
    static func parse(_ value: String, now: Timestamp) -> Duration? {
        let text = value.filter { $0 != " " || value.contains(",") }
        if !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) {
            return min(Int64(text).map { .seconds(min($0, 86_400)) } ?? longest, longest)
        }
        guard let date = httpDate(value) else { return nil }
        return min(max(date.since(now), .zero), longest)
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`, the one form that senders may use today.
    private static func httpDate(_ text: String) -> Timestamp? {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = text.split(separator: " ")
        guard parts.count == 6, parts[5] == "GMT", let day = Int(parts[1]),
            let month = months.firstIndex(where: { $0 == parts[2] }), let year = Int(parts[3]),
            let date = CalendarDay(year: year, month: month + 1, day: day), (1970...9999).contains(year)
        else { return nil }
        let clock = parts[4].split(separator: ":").compactMap { Int64($0) }
        guard clock.count == 3, (0..<24).contains(clock[0]), (0..<60).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let seconds = Int64(date.daysSinceEpoch) * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
        return Timestamp(milliseconds: seconds * 1000)
    }
}
