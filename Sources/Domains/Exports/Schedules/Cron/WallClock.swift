import CausewayCore
import Foundation

/// The clock on the wall of a place, after the rules of its time zone.
struct WallClock: Sendable {
    /// Its IANA name.
    let name: String
    private let zone: TimeZone

    /// - Parameter name: an IANA name. Nil for anything else that Foundation would read, such as `GMT+2` or `EST`,
    ///   which names no place and so no rule for summer.
    init?(_ name: String) {
        guard name.utf8.count <= 64, Self.isKnown(name), let zone = TimeZone(identifier: name) else { return nil }
        self.name = name
        self.zone = zone
    }

    private static func isKnown(_ name: String) -> Bool {
        // Foundation reads past a NUL.
        guard name.wholeMatch(of: /[A-Za-z0-9\/_+-]+/) != nil else { return false }
        // The list has no `UTC`, and only one spelling of a place that has two.
        return name == "UTC" || name.contains("/") || TimeZone.knownTimeZoneIdentifiers.contains(name)
    }

    /// The name somebody probably meant.
    static func nearest(to name: String) -> String? {
        NearestName.of(name, among: TimeZone.knownTimeZoneIdentifiers + ["UTC"])
    }

    /// What the clock shows, in whole minutes since 1970-01-01T00:00 on it.
    func minute(at time: Timestamp) -> Int {
        let seconds = Self.seconds(time)
        let shown = seconds + offset(at: seconds)
        return shown >= 0 ? shown / 60 : (shown - 59) / 60
    }

    /// When the clock first shows a minute; where it leaves that minute out, when it has just done so.
    func time(of minute: Int) -> Timestamp {
        let shown = minute * 60
        // No zone is further than a day from UTC, and none changes its rules twice in two days.
        let (early, late) = (shown - 86_400, shown + 86_400)
        let (before, after) = (offset(at: early), offset(at: late))
        for candidate in [before, after] where offset(at: shown - candidate) == candidate {
            return Self.time(shown - candidate)
        }
        return Self.time(change(from: before, between: early, and: late))
    }

    /// The first second at which the offset is no longer `offset`.
    private func change(from offset: Int, between early: Int, and late: Int) -> Int {
        var (early, late) = (early, late)
        while late - early > 1 {
            let middle = early + (late - early) / 2
            if self.offset(at: middle) == offset { early = middle } else { late = middle }
        }
        return late
    }

    /// In seconds, east positive.
    private func offset(at seconds: Int) -> Int {
        zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
    }

    private static func seconds(_ time: Timestamp) -> Int {
        let milliseconds = Int(time.milliseconds)
        return milliseconds >= 0 ? milliseconds / 1000 : (milliseconds - 999) / 1000
    }

    private static func time(_ seconds: Int) -> Timestamp { Timestamp(milliseconds: Int64(seconds) * 1000) }
}
