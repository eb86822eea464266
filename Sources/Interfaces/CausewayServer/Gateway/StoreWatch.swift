import CausewayCore
import Logging
import Storage
import Synchronization

/// Asks the store every second whether it answers, so that whoever wants to know is told at once, also while a question
/// hangs.
final class StoreWatch: Sendable {
    private struct State {
        var answeredAt: Timestamp
        var hasFailed = false
    }

    private let engine: any StorageEngine
    private let time: any TimeSource
    private let logger: Logger
    private let state: Mutex<State>

    private static let interval = Duration.seconds(1)
    /// A store that has not answered for this long is as good as none.
    private static let patience = Duration.seconds(5)

    /// The store has answered just now.
    init(engine: any StorageEngine, time: any TimeSource, logger: Logger) {
        self.engine = engine
        self.time = time
        self.logger = logger
        state = Mutex(State(answeredAt: time.now()))
    }

    /// What is wrong with the store; nil where nothing is.
    var trouble: String? {
        let state = state.withLock(\.self)
        let silence = time.now().since(state.answeredAt)
        guard state.hasFailed || silence > Self.patience else { return nil }
        return "The database has not answered since \(state.answeredAt.rfc3339)."
    }

    /// Until cancelled.
    func run() async throws {
        while true {
            do {
                _ = try await engine.read { try $0.row("SELECT 1 AS one") }
                note(hasFailed: false)
            } catch {
                if note(hasFailed: true) {
                    logger.error("the database does not answer", metadata: ["error": "\(error)"])
                }
            }
            try await time.sleep(for: Self.interval)
        }
    }

    /// True where that is new.
    @discardableResult
    private func note(hasFailed: Bool) -> Bool {
        let wasFailing = state.withLock { state in
            let before = state.hasFailed
            state.hasFailed = hasFailed
            if !hasFailed { state.answeredAt = time.now() }
            return before
        }
        if wasFailing, !hasFailed { logger.notice("the database answers again") }
        return wasFailing != hasFailed
    }
}
