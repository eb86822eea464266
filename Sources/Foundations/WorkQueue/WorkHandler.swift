public import CausewayCore

/// What is done with one kind of work.
public struct WorkHandler: Sendable {
    public let kind: String
    /// How many items of this kind run at once in this process.
    public let concurrency: Int
    /// The wait before another try, by the attempt that failed (from 1).
    public let backoff: @Sendable (Int) -> Duration
    let work: @Sendable (WorkItem) async throws -> WorkOutcome

    public init(
        kind: String, concurrency: Int = 8,
        backoff: @escaping @Sendable (Int) -> Duration = Self.exponentialBackoff,
        work: @escaping @Sendable (WorkItem) async throws -> WorkOutcome
    ) {
        self.kind = kind
        self.concurrency = concurrency
        self.backoff = backoff
        self.work = work
    }

    /// 1 s, 2 s, 4 s, … up to 5 minutes, moved by up to a fifth.
    public static let exponentialBackoff: @Sendable (Int) -> Duration = { attempt in
        Duration.seconds(min(300, 1 << min(max(attempt - 1, 0), 9))).jittered(by: 0.2)
    }
}

/// How a run of an item ended.
public enum WorkOutcome: Sendable {
    /// The item goes.
    case done
    /// The handler has settled the item in a transaction of its own, together with what the work led to.
    case settled
    /// Another try after the handler's backoff.
    case retry(String)
    /// The next round at a time.
    case again(at: Timestamp)
    /// A person must look: kept, never run again by itself.
    case bury(String)
}
