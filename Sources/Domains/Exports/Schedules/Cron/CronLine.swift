import CausewayCore

/// Five fields that say at which minutes of a wall clock something happens, as cron(8) by Paul Vixie reads them.
///
///     ┌ minute  ┌ hour  ┌ day of the month  ┌ month  ┌ day of the week (0 and 7 are Sunday)
///     0         6       *                   *        1-5
///
/// Lists, ranges, steps, `JAN`, `MON`, and `@daily` and the like. Where both day fields say something (neither begins
/// with `*`), a day that fits either of them fits.
public struct CronLine: Hashable, Sendable {
    let minutes: CronField.Values
    let hours: CronField.Values
    let daysOfMonth: CronField.Values
    let months: CronField.Values
    let daysOfWeek: CronField.Values

    public static let maximumLength = 200

    static let shorthands = [
        "@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
        "@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
    ]

    /// Throws what is wrong with it, also where no day will ever fit.
    public init(parsing text: String) throws(CronMistake) {
        guard text.utf8.count <= Self.maximumLength else {
            throw CronMistake(words: "A cron line has \(Self.maximumLength) bytes at most.")
        }
        var fields = text.split { $0 == " " || $0 == "\t" }
        if let first = fields.first, first.hasPrefix("@"), fields.count == 1 {
            guard let line = Self.shorthands[first.lowercased()] else {
                throw CronMistake(words: Self.unknown(shorthand: String(first)))
            }
            fields = line.split(separator: " ")
        }
        if let first = fields.first, first.hasPrefix("TZ=") || first.hasPrefix("CRON_TZ=") {
            throw CronMistake(words: "The time zone is a member of its own, `time_zone`.")
        }
        guard fields.count == 5 else {
            let hint = (6...7).contains(fields.count) ? " There are neither seconds nor years." : ""
            throw CronMistake(
                words: """
                    It has \(fields.count) fields; there are five: minute, hour, day of the month, month, day of the \
                    week, as in `0 6 * * 1-5`.\(hint)
                    """)
        }
        minutes = try CronField.minute.read(fields[0])
        hours = try CronField.hour.read(fields[1])
        daysOfMonth = try CronField.dayOfMonth.read(fields[2])
        months = try CronField.month.read(fields[3])
        daysOfWeek = try CronField.dayOfWeek.read(fields[4])
        guard hasDays else {
            throw CronMistake(words: "No month that it names has such a day, so it would never run.")
        }
    }

    private static func unknown(shorthand: String) -> String {
        if shorthand == "@reboot" { return "`@reboot` names no time." }
        let known = shorthands.keys.sorted()
        let near = NearestName.of(shorthand, among: known).map { " Did you mean `\($0)`?" } ?? ""
        return "There is no `\(shorthand.prefix(20))`; there are \(known.joined(separator: ", ")).\(near)"
    }

    private var eitherDayFits: Bool { !daysOfMonth.isOpen && !daysOfWeek.isOpen }

    private var hasDays: Bool {
        if eitherDayFits { return true }
        // 2000 is a leap year.
        return months.values(in: 1...12).contains { month in
            daysOfMonth.values(in: 1...31).contains { $0 <= CalendarDay.days(in: month, of: 2000) }
        }
    }

    // MARK: Days

    /// Whether it happens at all on a day.
    /// - Parameter days: since 1970-01-01, which was a Thursday.
    func fits(daysSinceEpoch days: Int) -> Bool {
        let day = CalendarDay(daysSinceEpoch: days)
        guard months.contains(day.month) else { return false }
        let ofMonth = daysOfMonth.contains(day.day)
        let ofWeek = daysOfWeek.contains(((days + 4) % 7 + 7) % 7)
        return eitherDayFits ? ofMonth || ofWeek : ofMonth && ofWeek
    }

    /// The first minute of the wall clock from `start` on, both in minutes since 1970-01-01T00:00; nil where a
    /// hundred years have none.
    func firstMinute(from start: Int) -> Int? {
        var (day, rest) = start.quotientAndRemainder(dividingBy: 1440)
        if rest < 0 { (day, rest) = (day - 1, rest + 1440) }
        for candidate in day...(day + 36_525) where fits(daysSinceEpoch: candidate) {
            if let minute = firstMinuteOfDay(from: candidate == day ? rest : 0) { return candidate * 1440 + minute }
        }
        return nil
    }

    private func firstMinuteOfDay(from start: Int) -> Int? {
        for hour in (start / 60)..<24 where hours.contains(hour) {
            let first = hour == start / 60 ? start % 60 : 0
            if let minute = (first..<60).first(where: minutes.contains) { return hour * 60 + minute }
        }
        return nil
    }

    // MARK: Pace

    /// The shortest time between two runs, by a wall clock that never changes.
    var shortestInterval: Duration {
        let ofDay = hours.values(in: 0...23).flatMap { hour in minutes.values(in: 0...59).map { hour * 60 + $0 } }
        var shortest = zip(ofDay, ofDay.dropFirst()).map { $1 - $0 }.min() ?? 1440
        if let first = ofDay.first, let last = ofDay.last, first + 1440 - last < shortest, hasNeighbours {
            shortest = first + 1440 - last
        }
        return .seconds(shortest * 60)
    }

    /// Whether two days in a row ever fit; four years hold every neighbourhood that matters.
    private var hasNeighbours: Bool {
        (0..<1461).contains { fits(daysSinceEpoch: $0) && fits(daysSinceEpoch: $0 + 1) }
    }
}
