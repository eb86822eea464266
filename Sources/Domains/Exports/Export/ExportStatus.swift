public import CausewayCore
public import Storage

public enum ExportKind: IdentifierKind { public static let prefix = "exp" }
public typealias ExportID = Identifier<ExportKind>

/// Where an export stands for its callers.
public enum ExportStatus: String, Sendable, CaseIterable, SQLConvertible {
    /// Recorded, not yet at the vendor as far as we know.
    case requested
    /// The vendor's limits are shut: it goes out at `notBefore`.
    case deferred
    /// At the vendor.
    case queued
    case success
    case failure
    /// The vendor's links died before the files were mirrored.
    case expired
    case cancelled

    /// Nothing more happens, but for a success whose links die.
    public var isEnd: Bool {
        switch self {
        case .requested, .deferred, .queued: false
        case .success, .failure, .expired, .cancelled: true
        }
    }

    /// Whether a caller who waits need wait no longer.
    public var standsStill: Bool { isEnd || self == .deferred }
}

/// What an export does when the vendor's limits are shut.
public enum WhenLimited: String, Sendable, CaseIterable, SQLConvertible {
    /// Waits for the window to open.
    case `defer`
    case fail
}

/// What the outside is told, once each for an export.
public enum ExportEventType: String, Sendable, CaseIterable {
    case completed = "export.completed"
    case failed = "export.failed"
    case expired = "export.expired"
    case mirrored = "export.mirrored"
}

/// How far the trigger is on its way.
///
///     idle ──begin──▶ sending ──answer, refusal, certainly not taken──▶ idle
///                        └────no answer, or died meanwhile────▶ unknown ──hint──▶ idle
public enum TriggerState: String, Sendable, SQLConvertible {
    /// No trigger is out. There may have been some that the vendor answered.
    case idle
    /// Written down before the call goes out: who finds it so after a crash knows that it may have gone out.
    case sending
    /// A trigger went out and nobody knows whether the vendor took it. A hint is waited for; it is sent once more only
    /// where the settings say so, under the guard of the vendor's own limit.
    case unknown
}

/// Why an export failed, or why it is not on its way yet.
public struct ExportError: Sendable, Hashable, Codable {
    /// Stable, snake_case.
    public var code: String
    public var message: String
    /// What the vendor said; null where it said nothing.
    public var vendor: JSONValue

    public init(code: String, message: String, vendor: JSONValue = .null) {
        self.code = code
        self.message = message
        self.vendor = vendor
    }

    public var json: JSONValue {
        ["code": .string(code), "message": .string(message), "vendor": vendor]
    }
}

/// The ways in which the vendor tells that an export has ended.
public enum ExportChannel: String, Sendable, CaseIterable {
    /// The direct webhook, or the one of a scheduled export.
    case webhook
    /// The account's subscription.
    case event
    case poll
}
