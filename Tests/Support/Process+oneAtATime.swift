public import Foundation
import Synchronization

extension Process {
    private static let turn = Mutex(())

    /// Starts it while no other is being started: Foundation's start is not made for several at once, and a child must
    /// not inherit the pipe of another.
    public func start() throws {
        try Self.turn.withLock { _ in try run() }
    }
}
