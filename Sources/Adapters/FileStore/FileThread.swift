import Dispatch

/// Where calls that block are made: never on a thread of the cooperative pool.
enum FileThread {
    private static let queue = DispatchQueue(label: "causeway.files", attributes: .concurrent)

    static func run<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }
}
