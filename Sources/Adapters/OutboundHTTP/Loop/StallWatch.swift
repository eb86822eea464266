/// Notices when nothing has moved for too long. Only time in which it was the peer's turn counts.
struct StallWatch {
    let limit: Duration
    private var moved: Int64 = -1
    private var since: ContinuousClock.Instant

    init(limit: Duration, now: ContinuousClock.Instant) {
        self.limit = limit
        since = now
    }

    /// - Parameters:
    ///   - moved: a count that grows with everything sent and received.
    ///   - excused: whether the transfer waits for this side.
    mutating func isStalled(moved: Int64, excused: Bool, now: ContinuousClock.Instant) -> Bool {
        if excused || moved != self.moved {
            self.moved = moved
            since = now
            return false
        }
        return now - since >= limit
    }
}
