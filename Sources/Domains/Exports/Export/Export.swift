public import CausewayCore
import Vendor

/// One run of a report.
///
///     requested ⇄ deferred ──▶ cancelled
///         │ ╲
///         │  ╲──refused, given up──▶ failure ◀──┐
///         └──▶ queued ──┬───────────────────────┘
///                       ├──▶ success ──links die before the files are mirrored──▶ expired
///                       └────────────────────────────────────────────────────────────▲
///
/// Pure: every change is a method that returns what must follow, and the caller writes state, events and work in
/// one transaction. A status never goes backwards: what would take it there is a contradiction, told and ignored.
public struct Export: Sendable, Equatable {
    public let id: ExportID
    /// The vendor's name of it, `vrex_…`; nil while we do not know one.
    public internal(set) var vendorKey: String?
    public let report: String
    /// Nil where the vendor does not tell whose it is.
    public let memberEmail: String?
    public let showUnexpanded: Bool
    public internal(set) var status: ExportStatus
    /// `api`, `in_app`, `scheduled`, or what the vendor may add.
    public let source: String
    /// Callers who asked for it and did not withdraw; 0 for one that we did not trigger.
    public internal(set) var requests: Int
    /// Of the caller who asked first.
    public let metadata: JSONValue
    public internal(set) var whenLimited: WhenLimited

    public let requestedAt: Timestamp
    public internal(set) var queuedAt: Timestamp?
    public internal(set) var completedAt: Timestamp?
    /// When the vendor's links die.
    public internal(set) var expiresAt: Timestamp?
    public internal(set) var notBefore: Timestamp?

    public internal(set) var triggerState = TriggerState.idle
    /// When the last trigger went out.
    public internal(set) var sentAt: Timestamp?
    /// When a trigger first went out that the vendor may have taken without our knowing.
    public internal(set) var doubtSince: Timestamp?
    /// Since when triggers were not taken, for reasons that may pass.
    public internal(set) var retryingSince: Timestamp?
    /// From when the vendor's limits count it; nil where it takes no place in them.
    public internal(set) var slotAt: Timestamp?

    /// The vendor's entity as it was last told, whole.
    public internal(set) var entity: JSONValue?
    public internal(set) var error: ExportError?
    /// Its files that were mirrored.
    public internal(set) var mirror: [MirroredFile] = []
    /// When the last of its files was; nil while one is missing. From then on the vendor's links may die.
    public internal(set) var mirroredAt: Timestamp?
    /// When its files were removed again.
    public internal(set) var filesRemovedAt: Timestamp?
    public internal(set) var seenBy: [ExportChannel: Timestamp] = [:]
    /// The vendor's key as a webhook told it, before the vendor confirmed it.
    public internal(set) var claimedKey: String?
    /// Stands in the `webhook_target_url` of an export that we triggered; shown to nobody.
    public let hookToken: Secret?
    /// Grows with each change that is stored.
    public internal(set) var revision: Int64 = 0

    /// A new one, of ours.
    /// - Parameter notBefore: where the vendor's limits are shut until then.
    public static func requested(
        id: ExportID, report: String, memberEmail: String, showUnexpanded: Bool, metadata: JSONValue = [:],
        whenLimited: WhenLimited = .defer, notBefore: Timestamp? = nil, hookToken: Secret, at now: Timestamp
    ) -> Export {
        Export(
            id: id, vendorKey: nil, report: report, memberEmail: memberEmail, showUnexpanded: showUnexpanded,
            status: notBefore == nil ? .requested : .deferred, source: "api", requests: 1, metadata: metadata,
            whenLimited: whenLimited, requestedAt: now, notBefore: notBefore, slotAt: notBefore == nil ? now : nil,
            hookToken: hookToken)
    }

    /// One that somebody else started, as the vendor shows it: not yet ended here, so that its end is told alike.
    /// - Parameter memberEmail: nil where the vendor does not tell.
    public static func found(
        id: ExportID, key: String, report: String, memberEmail: String? = nil, showUnexpanded: Bool = false,
        source: String, createdAt: Timestamp
    ) -> Export {
        Export(
            id: id, vendorKey: key, report: report, memberEmail: memberEmail, showUnexpanded: showUnexpanded,
            status: .queued,
            source: source, requests: 0, metadata: [:], whenLimited: .defer, requestedAt: createdAt,
            queuedAt: createdAt, hookToken: nil)
    }

    /// Whether we triggered it.
    public var isOurs: Bool { hookToken != nil }

    /// Whether it failed here by our own judgement, and the vendor has it all the same: whatever it says of one whose key
    /// was not known, and a success of one that was waited for too long.
    func isGivenUp(though said: VendorExport) -> Bool {
        guard status == .failure else { return false }
        guard let vendorKey else { return true }
        return vendorKey == said.key && said.status == .success && error?.code != Self.vendorFailure
    }

    /// The code of a failure that the vendor told of.
    static let vendorFailure = "vendor_failure"
}

/// What must follow a change of an export, in the transaction that stores it.
public enum ExportConsequence: Sendable, Hashable {
    case publish(ExportEventType)
    /// What was told does not fit what is known: to be logged and counted, nothing else.
    case contradiction(String)
}
