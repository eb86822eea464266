/// A change or a read that waits for its turn on an engine's thread, its result's type left out: what engines need to
/// let several share one commit, or one snapshot.
///
/// Run as often as the engine has to, then told once how it ended.
public final class QueuedTransaction: Sendable {
    public let sharing: CommitSharing
    private let body: @Sendable (any Transaction) throws -> any Sendable
    private let end: @Sendable (Result<any Sendable, any Error>) -> Void

    /// - Parameter continuation: resumed by `finish`.
    public init<Value: Sendable>(
        _ sharing: CommitSharing, _ body: @escaping @Sendable (any Transaction) throws -> Value,
        resuming continuation: CheckedContinuation<Value, any Error>
    ) {
        self.sharing = sharing
        self.body = body
        end = { result in
            switch result {
            case .success(let value as Value): continuation.resume(returning: value)
            case .success: continuation.resume(throwing: StorageError.failed(detail: "a result of another type"))
            case .failure(let error): continuation.resume(throwing: error)
            }
        }
    }

    public func run(in transaction: any Transaction) throws -> any Sendable { try body(transaction) }

    /// Once: after the commit with what `run` returned last, or with why there is none.
    public func finish(_ result: Result<any Sendable, any Error>) { end(result) }
}
