public import Storage
import Synchronization

/// A database whose answers to some commits are lost on the way: the change holds, and the caller is told that nobody
/// knows.
public final class UntoldCommits: StorageEngine {
    private let engine: any StorageEngine
    private let untold: Mutex<[Bool]>

    /// - Parameter untold: of the first writes, those whose answer is lost.
    public init(_ engine: any StorageEngine, untold: [Bool]) {
        self.engine = engine
        self.untold = Mutex(untold)
    }

    public var dialect: SQLDialect { engine.dialect }
    public var signals: SignalHub { engine.signals }
    public var statistics: StorageStatistics { engine.statistics }

    public func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await engine.read(body)
    }

    public func write<Result: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        let result = try await engine.write(sharing, body)
        let isUntold = untold.withLock { $0.isEmpty ? false : $0.removeFirst() }
        if isUntold { throw StorageError.connectionLost(commitSent: true) }
        return result
    }

    public func close() async throws { try await engine.close() }
}
