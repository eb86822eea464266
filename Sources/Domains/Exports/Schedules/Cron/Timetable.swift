public import CausewayCore

/// A cron line on a place's clock: the points in time at which something runs.
///
/// Each minute that the line names counts once. One that the clock leaves out, when it is put forward, runs when it has
/// just been put forward, with whatever else does; one that it shows twice, when it is put back, runs the first time.
public struct Timetable: Sendable {
    let line: CronLine
    let clock: WallClock

    /// Nil where one of the texts is not what it should be.
    public init?(cron: String, timeZone: String) {
        guard let line = try? CronLine(parsing: cron), let clock = WallClock(timeZone) else { return nil }
        self.line = line
        self.clock = clock
    }

    /// The first time after another; nil where a hundred years have none.
    public func next(after time: Timestamp) -> Timestamp? {
        // What the clock has shown already or left out until then is over.
        var minute = clock.minute(at: time)
        while let next = line.firstMinute(from: minute + 1) {
            let found = clock.time(of: next)
            if found > time { return found }
            minute = next
        }
        return nil
    }

    /// The next ones after a time, the earliest first.
    public func next(_ count: Int, after time: Timestamp) -> [Timestamp] {
        var times: [Timestamp] = []
        while times.count < count, let next = next(after: times.last ?? time) { times.append(next) }
        return times
    }

    /// The latest time from `first`, which is one itself, to `end`, and how many there are, counted up to `bound`.
    func due(from first: Timestamp, through end: Timestamp, countingTo bound: Int) -> (latest: Timestamp, count: Int) {
        var latest = first
        var count = 1
        while count < bound, let next = next(after: latest), next <= end {
            latest = next
            count += 1
        }
        guard count == bound else { return (latest, count) }
        // Too many to walk over: looked for from the end, in steps that grow.
        var span = Duration.seconds(86_400)
        while end - span > latest {
            if var found = next(after: end - span), found <= end {
                while let next = next(after: found), next <= end { found = next }
                return (found, count)
            }
            span = span * 2
        }
        while let next = next(after: latest), next <= end { latest = next }
        return (latest, count)
    }
}
