import CausewayCore

/// A subscription's `rate_per_second`: a token bucket written as one number, the time at which the next attempt would
/// stand if all were evenly spaced (the generic cell rate algorithm). Pure: the lane keeps the number, so that the limit
/// holds over all gateways; and it only ever grows, so a gateway whose clock is ahead cannot make room for another.
///
/// A tenth of a second's attempts may go at once, so that a high rate does not need a transaction for each.
struct RateLimit: Equatable, Sendable {
    static let range: ClosedRange<Int64> = 1...1000

    /// Microseconds between attempts.
    private let interval: Int64
    /// How far ahead of even spacing, in microseconds, a burst may be.
    private let tolerance: Int64
    /// When the next attempt would stand, in microseconds since 1970; what the lane keeps.
    private(set) var next: Int64

    init(perSecond: Int, next: Int64) {
        // Rounded up: never more than the rate.
        let rate = Int64(max(1, perSecond))
        interval = (1_000_000 + rate - 1) / rate
        tolerance = interval * Int64(max(1, perSecond / 10) - 1)
        self.next = next
    }

    /// How many attempts may begin now.
    func available(at now: Timestamp) -> Int {
        let ahead = max(next, now.microseconds) - now.microseconds
        return ahead > tolerance ? 0 : Int((tolerance - ahead) / interval) + 1
    }

    mutating func take(_ count: Int, at now: Timestamp) {
        next = max(next, now.microseconds) + Int64(count) * interval
    }

    /// When the next attempt may begin.
    var nextAt: Timestamp { Timestamp(milliseconds: (next - tolerance + 999) / 1000) }
}

extension Timestamp {
    fileprivate var microseconds: Int64 { milliseconds * 1000 }
}
