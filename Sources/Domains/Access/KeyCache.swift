import CausewayCore
import Synchronization

/// Keys that were looked up within the last second: a caller who asks often costs the store one look a second.
///
/// The price: a key that another gateway or `causeway keys revoke` ends is let in here for up to a second more. What this
/// process ends is refused at once.
final class KeyCache: Sendable {
    static let lifetime = Duration.seconds(1)
    private static let maximumKeys = 10_000

    enum Look: Sendable {
        case kept(APIKey)
        /// To be handed to `keep`.
        case missing(generation: Int)
    }

    private struct State {
        var keys: [String: (key: APIKey, askedAt: Timestamp)] = [:]
        var generation = 0
    }
    private let state = Mutex(State())

    func look(for hash: String, at now: Timestamp) -> Look {
        state.withLock { state in
            // A clock that was set back must not lengthen it.
            if let kept = state.keys[hash], kept.askedAt <= now, now < kept.askedAt + Self.lifetime {
                return .kept(kept.key)
            }
            return .missing(generation: state.generation)
        }
    }

    /// Unless keys were cleared since the look: what was read may be older.
    func keep(_ key: APIKey, for hash: String, askedAt: Timestamp, generation: Int) {
        state.withLock { state in
            guard state.generation == generation else { return }
            if state.keys.count >= Self.maximumKeys { state.keys = [:] }
            state.keys[hash] = (key, askedAt)
        }
    }

    func clear() {
        state.withLock { state in
            state.keys = [:]
            state.generation += 1
        }
    }
}
