import CausewayCore

/// A subscription of the account to one kind of event.
struct WebhookSubscription: Sendable {
    let key: String
    var targetURL: String
    var event: String
    let createdAt: Timestamp
    var updatedAt: Timestamp

    /// The only event this stand-in ever sends; others may be registered, as at the vendor.
    static let exportCompleted = "vendor_report_export.completed"

    /// `eventMember`: `event`, or `events` with a list.
    func json(eventMember: String) -> JSONValue {
        var members: [String: JSONValue] = [
            "key": .string(key), "target_url": .string(targetURL),
            "created_at": .integer(createdAt.milliseconds), "updated_at": .integer(updatedAt.milliseconds),
        ]
        members[eventMember] = eventMember == "events" ? [.string(event)] : .string(event)
        return .object(members)
    }
}
