import CausewayCore
import Testing

@Suite("Times")
struct TimestampTests {
    @Test(
        "are written as RFC 3339 in UTC with milliseconds, and read back",
        arguments: [
            (0, "1970-01-01T00:00:00.000Z"), (1_710_734_400_000, "2024-03-18T04:00:00.000Z"),
            (-1, "1969-12-31T23:59:59.999Z"), (951_782_400_123, "2000-02-29T00:00:00.123Z"),
            (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        ])
    func roundTrip(milliseconds: Int64, text: String) {
        #expect(Timestamp(milliseconds: milliseconds).rfc3339 == text)
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test("are read with offsets and any fraction")
    func offsets() {
        #expect(Timestamp(rfc3339: "1970-01-01T01:00:00+01:00")?.milliseconds == 0)
        #expect(Timestamp(rfc3339: "1970-01-01t00:00:00.5z")?.milliseconds == 500)
        #expect(Timestamp(rfc3339: "1969-12-31T23:30:00.123456789-00:30")?.milliseconds == 123)
    }

    @Test(
        "are refused where they are none",
        arguments: [
            "", "1970-01-01", "1970-01-01T00:00:00", "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00Zx", "1970-01-01T00:00:00+1:00", "x970-01-01T00:00:00Z",
            "2024-13-01T00:00:00Z", "1970-01-01T00:00:00.1", "1970-01-01T00:00:00+01:0é",
        ])
    func refused(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("know every day of four centuries")
    func calendar() {
        var previous = CalendarDay(daysSinceEpoch: -1)
        for count in 0..<146_097 {
            let day = CalendarDay(daysSinceEpoch: count)
            #expect(day.daysSinceEpoch == count)
            let follows =
                (day.year, day.month, day.day) == (previous.year, previous.month, previous.day + 1)
                || (day.day == 1 && previous.day == CalendarDay.days(in: previous.month, of: previous.year))
            #expect(follows)
            previous = day
        }
    }
}
