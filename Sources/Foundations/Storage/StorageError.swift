/// What a store can fail with, in words that say what to do.
public enum StorageError: Error, Equatable {
    /// A unique index holds such a row already. `detail` is the engine's own text.
    case uniqueViolation(detail: String)
    /// Others held the lock longer than the busy time-out; nothing was written, trying again is safe.
    case busy
    /// No room left on the disk; nothing was written.
    case full
    /// The connection broke. Where `commitSent` is true, nobody knows whether the transaction holds.
    case connectionLost(commitSent: Bool)
    /// A column holds what this version does not understand.
    case unexpectedValue(column: String)
    /// What the caller read has changed since; nothing was written.
    case conflict
    case failed(detail: String)
}
