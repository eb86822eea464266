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
        /// Exports that the vendor had all the same, after they were given up here.
        case endedAfterAll = "ended_after_all"
        /// Of each channel: completions it had told of some time after the end, and those it had not.
        case seenByWebhook = "seen_by_webhook"
        case seenByEvent = "seen_by_event"
        case seenByPoll = "seen_by_poll"
        case missedByWebhook = "missed_by_webhook"
        case missedByEvent = "missed_by_event"
        case missedByPoll = "missed_by_poll"
        /// Files that were mirrored.
        case mirrored
        /// Downloads that went on after a break.
        case mirrorResumed = "mirror_resumed"
        /// Downloads that had to begin again.
        case mirrorStartedOver = "mirror_started_over"
        /// Tries that found no room on the disk.
        case mirrorFull = "mirror_full"
    }

    private let values = Mutex<[Name: Int]>([:])
    private let endings = Mutex<[ExportStatus: Int]>([:])

    public init() {}

    func add(_ name: Name) {
        values.withLock { $0[name, default: 0] += 1 }
    }

    /// Exports that have reached an end by this process's hand.
    public func ended(_ status: ExportStatus) -> Int {
        endings.withLock { $0[status] ?? 0 }
    }

    /// To be called once it is durable.
    func addEnd(_ status: ExportStatus) {
        endings.withLock { $0[status, default: 0] += 1 }
    }

    public subscript(name: Name) -> Int {
        values.withLock { $0[name] ?? 0 }
    }
}
