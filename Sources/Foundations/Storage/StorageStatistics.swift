import Synchronization

/// What an engine has done since it was opened.
public final class StorageStatistics: Sendable {
    public enum Name: Int, Sendable, CaseIterable {
        /// Statements run, those that begin and end transactions left out.
        case statements
        /// Bodies of `write` that hold.
        case writes
        /// Commits they took: fewer where they shared one.
        case commits
        case reads
        /// Bodies that were run again, since the engine had to give them up.
        case retries
        /// Connections made anew after one was lost.
        case reconnects
    }

    private let values = Mutex<[Int]>(Array(repeating: 0, count: Name.allCases.count))

    public init() {}

    public func add(_ name: Name, _ count: Int = 1) {
        values.withLock { $0[name.rawValue] += count }
    }

    public subscript(name: Name) -> Int {
        values.withLock { $0[name.rawValue] }
    }
}
