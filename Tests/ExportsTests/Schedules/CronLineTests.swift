import CausewayCore
import Testing

@testable import Exports

@Suite("A cron line")
struct CronLineTests {
    private func fields(_ line: String) throws -> [[Int]] {
        let cron = try CronLine(parsing: line)
        return [
            cron.minutes.values(in: 0...59), cron.hours.values(in: 0...23), cron.daysOfMonth.values(in: 1...31),
            cron.months.values(in: 1...12), cron.daysOfWeek.values(in: 0...7),
        ]
    }

    private func mistake(_ line: String) -> String? {
        do throws(CronMistake) {
            _ = try CronLine(parsing: line)
            return nil
        } catch {
            return error.words
        }
    }

    @Test("has five fields of lists, ranges and steps, with names for months and days")
    func fields() throws {
        let (days, months) = (Array(1...31), Array(1...12))
        #expect(try fields("0 6 * * 1-5") == [[0], [6], days, months, [1, 2, 3, 4, 5]])
        #expect(
            try fields("*/20 8-18/5,23 1,15 JAN,jun-AUG Mon")
                == [[0, 20, 40], [8, 13, 18, 23], [1, 15], [1, 6, 7, 8], [1]])
        #expect(try fields("\t5,5  0 * * sat-sun ") == [[5], [0], days, months, [0, 6]])
        #expect(try fields("0 0 * * 7") == [[0], [0], days, months, [0]])
        #expect(try fields("0 0 * * 0-7") == [[0], [0], days, months, Array(0...6)])
        #expect(try fields("0 0 * * */3") == [[0], [0], days, months, [0, 3, 6]])
        #expect(try fields("0 0 * * fri-7") == [[0], [0], days, months, [0, 5, 6]])
        #expect(try fields("0 0 * * sun-tue") == [[0], [0], days, months, [0, 1, 2]])
        #expect(try fields("59 23 31 12 6") == [[59], [23], [31], [12], [6]])
    }

    @Test("may be one word")
    func shorthands() throws {
        for (word, line) in CronLine.shorthands {
            #expect(try CronLine(parsing: word) == CronLine(parsing: line))
        }
        #expect(try CronLine(parsing: " @DAILY ") == CronLine(parsing: "0 0 * * *"))
        #expect(mistake("@dayly")?.contains("Did you mean `@daily`?") == true)
        #expect(mistake("@reboot") == "`@reboot` names no time.")
    }

    @Test(
        "that is wrong is refused with the field and what to write instead",
        arguments: [
            ("", "0 fields"), ("0 6 * *", "4 fields"), ("0 0 6 * * 1", "neither seconds nor years"),
            ("60 * * * *", "minute: 60 is not from 0 to 59"), ("0 24 * * *", "hour: 24"),
            ("0 0 0 * *", "day of the month: 0"),
            ("0 0 * 13 *", "month: 13"), ("0 0 * * 8", "day of the week: 8"), ("0 0 * * mond", "did you mean `mon`?"),
            ("0 0 * jann *", "did you mean `jan`?"), ("5-1 * * * *", "`5-1` runs backwards"),
            ("0 0 * * fri-mon", "`fri-mon` runs backwards"), ("*/0 * * * *", "is no step"),
            ("*/x * * * *", "is no step"),
            ("*/90 * * * *", "never comes to a second value"), ("5/15 * * * *", "write `5-59/15`"),
            ("1,,2 * * * *", "`` is no number"), ("-5 * * * *", "is no number"), ("+5 * * * *", "is no number"),
            ("1.5 * * * *", "is no number"), ("** * * * *", "`**` is no number"), ("0 0 L * *", "other dialects"),
            ("0 0 ? * 1", "other dialects"), ("0 0 * * 5#2", "other dialects"), ("0 0 15W * *", "other dialects"),
            ("0 0 30 2 *", "would never run"), ("0 0 31 4,6,9,11 *", "would never run"),
            ("0 0 30,31 2 */2", "would never run"),
            ("TZ=UTC 0 6 * * *", "`time_zone`"), ("٥ * * * *", "is no number"), ("99999999999 * * * *", "is no number"),
        ])
    func mistakes(line: String, words: String) {
        #expect(mistake(line)?.contains(words) == true, "\(line): \(mistake(line) ?? "taken")")
    }

    @Test("whatever it is made of, is read or refused")
    func noise() {
        var generator = SeededGenerator(seed: 7)
        let pieces = ["*", "/", "-", ",", "0", "7", "31", "59", "60", "sun", "dec", "@", "L", " ", " ", "\u{0}", "é"]
        for _ in 0..<20_000 {
            let length = Int.random(in: 0...14, using: &generator)
            let line = (0..<length).map { _ in pieces.randomElement(using: &generator) ?? "" }
            _ = mistake(line.joined())
        }
    }

    @Test("fits a day that meets either day field, where both say something; else both")
    func dayFields() throws {
        func days(_ line: String) throws -> [Int] {
            let cron = try CronLine(parsing: line)
            // June 2026 begins on a Monday.
            let first = try #require(CalendarDay(year: 2026, month: 6, day: 1)).daysSinceEpoch
            return (1...30).filter { cron.fits(daysSinceEpoch: first + $0 - 1) }
        }
        #expect(try days("0 0 10,20 * *") == [10, 20])
        #expect(try days("0 0 * * mon") == [1, 8, 15, 22, 29])
        #expect(try days("0 0 10,20 * mon") == [1, 8, 10, 15, 20, 22, 29])
        // A field that begins with a star does not widen the other.
        #expect(try days("0 0 */10 * mon") == [1])
        // Tuesday, Thursday, Saturday, Sunday.
        #expect(try days("0 0 1-10 * */2") == [2, 4, 6, 7, 9])
        #expect(try days("0 0 31 6 sun") == [7, 14, 21, 28], "no 31 June, but its Sundays")
        #expect(try days("0 0 1 7 *") == [])
    }

    @Test("knows the shortest time between two of its runs")
    func pace() throws {
        func interval(_ line: String) throws -> String {
            DurationText.format(try CronLine(parsing: line).shortestInterval)
        }
        #expect(try interval("* * * * *") == "1m")
        #expect(try interval("*/5 * * * *") == "5m")
        #expect(try interval("0,58 * * * *") == "2m")
        #expect(try interval("0 6 * * *") == "1d")
        #expect(try interval("0 0,23 * * *") == "1h")
        #expect(try interval("0 0,23 1 * *") == "23h", "the day after never fits")
        #expect(try interval("0 0,23 1,31 * *") == "1h", "31 January and 1 February do")
        #expect(try interval("0 0,23 28,29 2 *") == "1h")
        #expect(try interval("59 23 31 12 *") == "1d")
    }
}

/// The same numbers for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
