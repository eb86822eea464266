/// What a store can fail with, in words that say what to do.
public enum StorageError: Error, Equatable, CustomStringConvertible {
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

    /// For logs and for people at a terminal.
    public var description: String {
        switch self {
        case .uniqueViolation(let detail): "there is such a row already: \(detail)"
        case .busy: "others held the database's lock for too long; nothing was changed, try again"
        case .full: "the disk is full; nothing was changed"
        case .connectionLost(commitSent: false):
            """
            the database cannot be reached, or has cut the connection; nothing was changed. Is it running, and does \
            database_url lead to it?
            """
        case .connectionLost(commitSent: true):
            "the database's answer to a change was lost: nobody knows whether it was made"
        case .unexpectedValue(let column): "the column \(column) holds what this version does not understand"
        case .conflict: "others changed the same at the same time; nothing was changed, try again"
        case .textNotStorable: "a text holds U+0000, which cannot be stored; nothing was changed"
        case .failed(let detail): detail
        }
    }
}
