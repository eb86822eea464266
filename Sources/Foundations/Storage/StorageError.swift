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
    /// What the caller read has changed since, or others changed the same at the same time, again and again; nothing was
    /// written.
    case conflict
    /// A text holds U+0000, which PostgreSQL cannot keep; nothing was written.
    case textNotStorable
    case failed(detail: String)

    /// Whether the same may go through later: others are in the way, or the disk or the connection has to be mended.
    public var mayPass: Bool {
        switch self {
        case .busy, .full, .conflict, .connectionLost: true
        case .uniqueViolation, .unexpectedValue, .textNotStorable, .failed: false
        }
    }
}
