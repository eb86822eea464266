import CausewayCore
import Foundation
import Testing

@testable import Exports

@Suite("A timetable")
struct TimetableTests {
    private func next(_ count: Int, _ cron: String, _ zone: String, after text: String) throws -> [String] {
        let timetable = try #require(Timetable(cron: cron, timeZone: zone))
        let start = try #require(Timestamp(rfc3339: text))
        return timetable.next(count, after: start).map { $0.rfc3339.replacing(".000Z", with: "Z") }
    }

    @Test("follows the clock of its place through the year")
    func seasons() throws {
        #expect(
            try next(2, "0 6 * * 1-5", "Europe/Berlin", after: "2026-03-27T12:00:00Z")
                == ["2026-03-30T04:00:00Z", "2026-03-31T04:00:00Z"])
        #expect(
            try next(2, "0 6 * * *", "Europe/Berlin", after: "2026-10-24T00:00:00Z")
                == ["2026-10-24T04:00:00Z", "2026-10-25T05:00:00Z"])
        #expect(
            try next(2, "0 6 * * *", "America/New_York", after: "2026-03-07T00:00:00Z")
                == ["2026-03-07T11:00:00Z", "2026-03-08T10:00:00Z"])
        #expect(
            try next(2, "30 6 * * *", "Asia/Kolkata", after: "2026-01-01T00:00:00Z")
                == ["2026-01-01T01:00:00Z", "2026-01-02T01:00:00Z"])
        #expect(try next(1, "0 0 * * *", "UTC", after: "2026-01-01T00:00:00Z") == ["2026-01-02T00:00:00Z"])
        #expect(try next(1, "0 0 * * *", "UTC", after: "2025-12-31T23:59:59.999Z") == ["2026-01-01T00:00:00Z"])
    }

    @Test("runs what the clock leaves out when it has been put forward, once")
    func gaps() throws {
        // Berlin: 02:00 to 03:00 is not there on 29 March 2026.
        #expect(
            try next(3, "30 2 * * *", "Europe/Berlin", after: "2026-03-28T00:00:00Z")
                == ["2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"])
        #expect(
            try next(2, "*/10 2 * * *", "Europe/Berlin", after: "2026-03-28T01:50:00Z")
                == ["2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"])
        #expect(
            try next(3, "0 * * * *", "Europe/Berlin", after: "2026-03-28T23:30:00Z")
                == ["2026-03-29T00:00:00Z", "2026-03-29T01:00:00Z", "2026-03-29T02:00:00Z"])
        #expect(
            try next(2, "15,45 2,3 * * *", "America/New_York", after: "2026-03-08T06:59:00Z")
                == ["2026-03-08T07:00:00Z", "2026-03-08T07:15:00Z"])
        // Lord Howe leaves out half an hour: 02:00 to 02:30 on 4 October 2026.
        #expect(
            try next(3, "0,15,30 2 * * *", "Australia/Lord_Howe", after: "2026-10-03T15:00:00Z")
                == ["2026-10-03T15:30:00Z", "2026-10-04T15:00:00Z", "2026-10-04T15:15:00Z"])
        // Samoa left out the whole of 30 December 2011.
        #expect(
            try next(3, "0 12 * * *", "Pacific/Apia", after: "2011-12-29T00:00:00Z")
                == ["2011-12-29T22:00:00Z", "2011-12-30T10:00:00Z", "2011-12-30T22:00:00Z"])
        // In Beirut midnight itself is left out.
        #expect(
            try next(2, "0 0 * * *", "Asia/Beirut", after: "2026-03-27T23:00:00Z")
                == ["2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"])
    }

    @Test("runs what the clock shows twice the first time only")
    func repeats() throws {
        // Berlin: 02:00 to 03:00 comes twice on 25 October 2026.
        #expect(
            try next(3, "30 2 * * *", "Europe/Berlin", after: "2026-10-24T00:00:00Z")
                == ["2026-10-24T00:30:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"])
        #expect(
            try next(1, "30 2 * * *", "Europe/Berlin", after: "2026-10-25T00:45:00Z") == ["2026-10-26T01:30:00Z"])
        #expect(
            try next(1, "30 2 * * *", "Europe/Berlin", after: "2026-10-25T01:10:00Z") == ["2026-10-26T01:30:00Z"],
            "also where it is asked between the two")
        #expect(
            try next(3, "0 * * * *", "Europe/Berlin", after: "2026-10-24T23:30:00Z")
                == ["2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z", "2026-10-25T03:00:00Z"])
        #expect(
            try next(2, "30 1 * * *", "America/New_York", after: "2026-11-01T00:00:00Z")
                == ["2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z"])
        // Lord Howe shows 01:30 to 02:00 twice on 5 April 2026.
        #expect(
            try next(2, "45 1 * * *", "Australia/Lord_Howe", after: "2026-04-04T14:00:00Z")
                == ["2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"])
    }

    @Test("finds what comes seldom")
    func seldom() throws {
        #expect(try next(1, "0 0 29 2 *", "UTC", after: "2096-03-01T00:00:00Z") == ["2104-02-29T00:00:00Z"])
        #expect(
            try next(2, "0 0 31 * *", "UTC", after: "2026-01-31T00:00:00Z")
                == ["2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"])
        #expect(
            try next(2, "@yearly", "Europe/Berlin", after: "2026-01-01T00:00:00Z")
                == ["2026-12-31T23:00:00Z", "2027-12-31T23:00:00Z"])
        #expect(try next(1, "59 23 * * *", "UTC", after: "1969-12-30T23:59:00Z") == ["1969-12-31T23:59:00Z"])
    }

    @Test("names zones as IANA does, and no other way")
    func zones() {
        for name in ["UTC", "GMT", "Europe/Berlin", "Europe/Kyiv", "Asia/Kolkata", "US/Eastern", "Etc/GMT+5"] {
            #expect(WallClock(name) != nil, "\(name)")
        }
        for name in [
            "", "CET", "EST", "GMT+2", "+02:00", "Berlin", "europe/berlin", "../UTC", "Europe/Berlin\u{0}", "/",
        ] {
            #expect(WallClock(name) == nil, "\(name)")
        }
        #expect(WallClock.nearest(to: "europe/berlin") == "Europe/Berlin")
        #expect(WallClock.nearest(to: "Europe/Berln") == "Europe/Berlin")
        #expect(WallClock.nearest(to: "utc") == "UTC")
    }

    /// Every minute of a span is asked what the clock shows, and what it shows decides; nothing of how the next time is
    /// found is used.
    @Test(
        "runs at each minute that its line names and at no other, over changes of the clock",
        arguments: [
            ("Europe/Berlin", "2026-03-28T00:00:00Z"), ("Europe/Berlin", "2026-10-24T00:00:00Z"),
            ("America/New_York", "2026-03-07T06:00:00Z"), ("America/New_York", "2026-10-31T06:00:00Z"),
            ("Australia/Lord_Howe", "2026-10-03T00:00:00Z"), ("Australia/Lord_Howe", "2026-04-04T00:00:00Z"),
            ("Asia/Kolkata", "2026-02-27T00:00:00Z"), ("America/St_Johns", "2026-03-07T00:00:00Z"),
            ("Africa/Casablanca", "2026-02-14T00:00:00Z"), ("Pacific/Apia", "2011-12-29T00:00:00Z"),
        ])
    func everyMinute(zone: String, start: String) throws {
        let first = try #require(Timestamp(rfc3339: start))
        let minutes = 3 * 1440
        let clock = try #require(WallClock(zone))
        let shown = (0...minutes).map { clock.minute(at: first + .seconds($0 * 60)) }
        var generator = SeededGenerator(seed: UInt64(bitPattern: first.milliseconds))
        for _ in 0..<40 {
            let cron = Self.line(using: &generator)
            let line = try CronLine(parsing: cron)
            func names(_ minute: Int) -> Bool {
                line.minutes.contains(minute % 60) && line.hours.contains(minute / 60 % 24)
                    && line.fits(daysSinceEpoch: minute / 1440)
            }
            var expected: [Timestamp] = []
            var latest = shown[0]
            for index in 1...minutes where shown[index] > latest {
                // All that the clock has passed since, one minute or, after a gap, more.
                if ((latest + 1)...shown[index]).contains(where: names) {
                    expected.append(first + .seconds(index * 60))
                }
                latest = shown[index]
            }
            let timetable = try #require(Timetable(cron: cron, timeZone: zone))
            let end = first + .seconds(minutes * 60)
            let found = timetable.next(expected.count + 1, after: first).filter { $0 <= end }
            #expect(found == expected, "\(cron) in \(zone)")
            let inBetween = first + .seconds(Int.random(in: 0..<(minutes * 60), using: &generator))
            // The second time that the clock shows a minute is left out, from whichever side one looks.
            let later = timetable.next(expected.count + 1, after: first).first { $0 > inBetween }
            #expect(timetable.next(after: inBetween) == later)
        }
    }

    private static func line(using generator: inout SeededGenerator) -> String {
        func pick(_ texts: String...) -> String { texts.randomElement(using: &generator) ?? "*" }
        func number(_ range: ClosedRange<Int>) -> String { String(Int.random(in: range, using: &generator)) }
        return [
            pick("*", "0", "*/5", "*/7", number(0...59), "0,30", "\(number(0...20))-\(number(20...59))", "59"),
            pick("*", "*", "0", "1", "2", "3", number(0...23), "0-3", "*/2", "22,23,0"),
            pick("*", "*", "1", "28-31", "29", number(1...28), "*/3"), pick("*", "*", "2-4", "oct,nov,apr", "1-12"),
            pick("*", "*", "0", "7", "mon-fri", "sat-sun", number(0...7)),
        ].joined(separator: " ")
    }

    @Test("says what is due over a long time, without walking over all of it")
    func due() throws {
        let timetable = try #require(Timetable(cron: "*/5 * * * *", timeZone: "Europe/Berlin"))
        let first = try #require(Timestamp(rfc3339: "2026-01-01T00:00:00Z"))
        let alone = timetable.due(from: first, through: first + .seconds(299), countingTo: 100)
        #expect(alone.latest == first)
        #expect(alone.count == 1)
        let some = timetable.due(from: first, through: first + .seconds(3600), countingTo: 100)
        #expect(some.latest == first + .seconds(3600))
        #expect(some.count == 13)
        let many = timetable.due(from: first, through: first + .seconds(50 * 365 * 86_400 + 123), countingTo: 100)
        #expect(many.latest == first + .seconds(50 * 365 * 86_400))
        #expect(many.count == 100)
        let rare = try #require(Timetable(cron: "0 0 29 2 *", timeZone: "UTC"))
        let leap = try #require(Timestamp(rfc3339: "2024-02-29T00:00:00Z"))
        let found = rare.due(from: leap, through: leap + .seconds(3000 * 86_400), countingTo: 2)
        #expect(found.latest == Timestamp(rfc3339: "2032-02-29T00:00:00Z"))
        #expect(found.count == 2)
    }
}
