/// How long a claim holds, and how it is kept. By these figures what a dead gateway held is with another within 20 s,
/// however long its work takes: 15 s for the lease, 2 s until somebody looks, and the rest for a slow store and for
/// clocks that differ. Gateways on one database need clocks that agree within a few seconds.
///
/// A claim is prolonged 2 to 6 s after it was made or prolonged last: from then on 9 s are left at the least for a
/// store that is slow, and a heartbeat that failed is tried again every second.
public enum Lease {
    /// How long a claim holds without a heartbeat.
    public static let duration = Duration.seconds(15)
    /// Between heartbeats.
    static let beat = Duration.seconds(4)
    /// Claims that hold for longer than this are left to the next heartbeat.
    static let young = Duration.seconds(13)
    /// Claims that hold for less are prolonged by whatever transaction comes next: this process was asleep, or the
    /// store takes no heartbeat.
    static let late = Duration.seconds(7)
}
