public import CausewayCore
public import Storage

public enum SubscriptionKind: IdentifierKind { public static let prefix = "sub" }
public typealias SubscriptionID = Identifier<SubscriptionKind>

/// An internal team's webhook: where which events are sent, and how.
public struct Subscription: Sendable {
    public let id: SubscriptionID
    /// Counts subscriptions from 1; part of each delivery's number.
    let number: Int64
    public private(set) var terms: SubscriptionTerms
    public let enabled: Bool
    public let createdAt: Timestamp
    /// Only events after this place in the log are its.
    let afterSequence: Int64
    /// Grows with each change.
    let version: Int64
    /// Nil while it is enabled.
    public let disabledReason: Disabled?
    public let disabledAt: Timestamp?
    public let health: LaneHealth

    public enum Disabled: String, CaseIterable, Sendable, SQLConvertible {
        /// By a caller.
        case request
        /// Nothing but failures for too long.
        case failures
        /// Its endpoint has answered 410.
        case gone
    }

    /// As they stand in the store; nil in one that was just made.
    var stored: Stored?

    /// The members that may be sealed.
    struct Stored: Sendable {
        let secrets: String
        let headers: String
        let keyID: String?
    }

    /// Whether no key we have opens its secrets and headers.
    public var isSealed: Bool { terms.secrets.isEmpty }

    /// With its secrets and headers in clear; without them where the vault has no key for them.
    func opened(by vault: SecretVault) -> Subscription {
        guard let stored else { return self }
        var subscription = self
        let secrets = vault.open(stored.secrets, of: id.text, "secrets").flatMap { LiveSecret.parse(stored: $0) }
        let headers = vault.open(stored.headers, of: id.text, "headers").flatMap {
            $0 == "{}" ? [:] : try? JSONText.decode([String: String].self, from: $0)
        }
        let isOpen = secrets != nil && headers != nil
        subscription.terms.secrets = isOpen ? secrets ?? [] : []
        subscription.terms.headers = isOpen ? headers ?? [:] : [:]
        return subscription
    }
}

/// What its owner says about a subscription.
public struct SubscriptionTerms: Hashable, Sendable {
    public var url: String
    /// Nil for all there are, those of later versions too.
    public var events: [String]?
    public var description: String?
    public var filter = SubscriptionFilter.everything
    public var format = Format.standard
    /// Sent with each attempt, besides ours.
    public var headers: [String: String] = [:]
    /// Attempts under way at once, over all gateways.
    public var maxInFlight = 10
    public var ratePerSecond: Int?
    public var ordering = Ordering.none
    /// Nil for the global one.
    public var retrySchedule: RetrySchedule?
    public var signatures = [SignatureVersion.v1]
    /// Each live one signs; the first is the one shown.
    public var secrets: [LiveSecret]

    public enum Format: String, CaseIterable, Sendable, SQLConvertible { case standard, vendor, cloudevents }
    public enum Ordering: String, CaseIterable, Sendable, SQLConvertible { case none, export, subscription }
    public enum SignatureVersion: String, CaseIterable, Sendable { case v1, v1a }
}

extension Subscription: RowDecodable {
    /// Reads the columns of `SubscriptionStore.columns`, without what may be sealed: `opened` puts it in.
    public init(row: ResultRow) throws {
        id = try row["id"]
        number = try row["number"]
        enabled = try row["enabled"]
        createdAt = try row["created_at"]
        afterSequence = try row["after_sequence"]
        version = try row["version"]
        disabledReason = try row["disabled_reason"]
        disabledAt = try row["disabled_at"]
        health = try LaneHealth(row: row)
        let events: String? = try row["events"]
        // Most have none, or what is usual, and a claim reads many: a decoder for each costs more than all else in the row.
        let filterText: String = try row["filter"]
        let filter = filterText == "{}" ? [:] : try JSONText.decode([String: [String]].self, from: filterText)
        let schedule: String? = try row["retry_schedule"]
        stored = Stored(secrets: try row["secrets"], headers: try row["headers"], keyID: try row["secrets_key"])
        let signatureText: String = try row["signatures"]
        let signatures = signatureText == "[\"v1\"]" ? ["v1"] : try JSONText.decode([String].self, from: signatureText)
        terms = SubscriptionTerms(
            url: try row["url"],
            events: try events.map { try JSONText.decode([String].self, from: $0) },
            description: try row["description"],
            filter: SubscriptionFilter(
                Dictionary(
                    uniqueKeysWithValues: filter.compactMap { name, values in
                        SubscriptionFilter.Dimension(rawValue: name).map { ($0, values) }
                    })),
            format: try row["format"],
            maxInFlight: try row["max_in_flight"],
            ratePerSecond: try row["rate_per_second"],
            ordering: try row["ordering"],
            retrySchedule: schedule.flatMap(RetrySchedule.init(stored:)),
            signatures: signatures.compactMap(SubscriptionTerms.SignatureVersion.init(rawValue:)),
            secrets: [])
    }
}

extension RetrySchedule {
    /// The text of no interval at all is empty.
    init?(stored text: String) {
        if text.isEmpty { self.init([]) } else { self.init(parsing: text) }
    }
}
