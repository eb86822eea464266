import CausewayCore

/// RFC 9110, section 10.2.3: seconds, or a date.
enum RetryAfterHeader {
    /// Nil where `text` is neither. Never further off than a day: a wrong date must not stop work for good.
    static func time(_ text: String?, now: Timestamp) -> Timestamp? {
        guard let text = text?.trimmingSpaces, !text.isEmpty else { return nil }
        let furthest = now + .seconds(86_400)
        if let seconds = Int64(text) {
            return seconds < 0 ? nil : min(furthest, now + .seconds(min(seconds, 86_400)))
        }
        return date(text).map { min(furthest, max(now, $0)) }
    }

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    static func date(_ text: String) -> Timestamp? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), let year = Int(words[3]),
            let month = months.firstIndex(of: String(words[2])),
            let date = CalendarDay(year: year, month: month + 1, day: day)
        else { return nil }
        let clock = words[4].split(separator: ":").compactMap { Int($0) }
        guard clock.count == 3 else { return nil }
        let seconds = date.daysSinceEpoch * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
        return Timestamp(milliseconds: Int64(seconds) * 1000)
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]
}

extension String {
    var trimmingSpaces: String {
        String(drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
    }
}
