import Synchronization

/// What happened in this process, for metrics.
public final class ExportCounters: Sendable {
    public enum Name: String, Sendable, CaseIterable {
        /// Triggers that went out.
        case trigger
        /// Status calls.
        case check
        /// Requests that joined an export in flight.
        case coalesced
        /// Requests answered by an export that had ended.
        case answeredFromStore = "answered_from_store"
        case hintWebhook = "hint_webhook"
        case hintEvent = "hint_event"
        /// Triggers whose outcome was not known.
        case unknownOutcome = "unknown_outcome"
        /// Completions that polling found before a webhook told of them.
        case webhookMissed = "webhook_missed"
        case contradiction
    }

    private let values = Mutex<[Name: Int]>([:])

    public init() {}

    func add(_ name: Name) {
        values.withLock { $0[name, default: 0] += 1 }
    }

    public subscript(name: Name) -> Int {
        values.withLock { $0[name] ?? 0 }
    }
}
