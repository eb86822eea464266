public import CausewayCore
public import Storage

/// How much work of one kind there is, each number up to 100,000.
public struct WorkStanding: Sendable {
    public let kind: String
    /// Could be claimed now.
    public let due: Int
    /// Under way, in whichever process.
    public let leased: Int
    /// Kept for a person.
    public let buried: Int
}

extension WorkQueue {
    public func standing(
        of kinds: [String], at now: Timestamp, in transaction: any Transaction
    ) throws -> [WorkStanding] {
        try kinds.map { kind in
            WorkStanding(
                kind: kind,
                due: try transaction.count(
                    "work_item WHERE kind = \(kind) AND visible_at <= \(now) AND buried_at IS NULL"
                ),
                // A lease ends within its duration, so that the index leads there.
                leased: try transaction.count(
                    """
                    work_item
                    WHERE kind = \(kind) AND visible_at > \(now) AND visible_at <= \(now + Lease.duration)
                        AND buried_at IS NULL AND owner IS NOT NULL
                    """),
                buried: try transaction.count(
                    "work_item WHERE kind = \(kind) AND buried_at IS NOT NULL"))
        }
    }
}
