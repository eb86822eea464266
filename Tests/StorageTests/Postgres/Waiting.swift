import Dispatch
import Support

enum Waiting {
    /// Asks again and again, at once: for what gives no signal.
    static func until(_ isSo: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + patience
        while (try? await isSo()) != true {
            if ContinuousClock.now > deadline { throw NeverHappened() }
            await Task.yield()
        }
    }

    struct NeverHappened: Error {}

    /// Inside a transaction's body, which is synchronous: until `body` has returned.
    static func block(_ body: @escaping @Sendable () async throws -> Void) throws {
        let semaphore = DispatchSemaphore(value: 0)
        Task {
            try? await body()
            semaphore.signal()
        }
        semaphore.wait()
    }
}
