/// The waits between attempts: three intervals make four attempts.
public struct RetrySchedule: Hashable, Sendable {
    public let intervals: [Duration]

    public init(_ intervals: [Duration]) {
        self.intervals = intervals
    }

    /// Reads `5s,30s,2m`; nil where a part is no duration.
    public init?(parsing text: String) {
        var intervals: [Duration] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            guard let interval = DurationText.parse(part.filter { $0 != " " }) else { return nil }
            intervals.append(interval)
        }
        self.intervals = intervals
    }

    /// `5s,30s,2m`
    public var text: String { intervals.map(DurationText.format).joined(separator: ",") }

    /// The wait after attempt `attempt` (from 1) has failed; nil when no attempt is left.
    public func delay(afterAttempt attempt: Int) -> Duration? {
        intervals.indices.contains(attempt - 1) ? intervals[attempt - 1] : nil
    }
}

extension Duration {
    /// Moved at random by up to `share` of itself either way, so that what failed together does not come
    /// back together.
    public func jittered(by share: Double) -> Duration {
        .milliseconds(Int64(Double(wholeMilliseconds) * Double.random(in: (1 - share)...(1 + share))))
    }
}
