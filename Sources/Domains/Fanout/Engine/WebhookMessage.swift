import CausewayCore
import Events

/// An event as one subscription gets it.
struct WebhookMessage {
    /// The vendor's name of the one event that subscriptions in its format take.
    static let vendorEvent = "vendor_report_export.completed"
    /// The type of the one event that has the vendor's entity.
    static let vendorType = "export.completed"

    let contentType: String
    let body: [UInt8]

    /// - Parameter source: who we are, for CloudEvents: a URL.
    init(_ event: EventEnvelope, format: SubscriptionTerms.Format, source: String) {
        switch format {
        case .standard:
            contentType = "application/json"
            body = event.body
        case .vendor:
            contentType = "application/json"
            // Whatever else it is sent (a test) keeps its own name and data, so that nobody takes it for an export.
            let entity = event.type == Self.vendorType ? event.attributes["vendor_entity"] : nil
            let name = entity == nil ? event.type : Self.vendorEvent
            body = Self.object([("event", .string(name))], data: entity.map { Array($0.utf8)[...] } ?? event.data)
        case .cloudevents:
            contentType = "application/cloudevents+json"
            // CloudEvents 1.0, JSON format, structured mode.
            body = Self.object(
                [
                    ("specversion", "1.0"), ("id", .string(event.id.text)), ("source", .string(source)),
                    ("type", .string(event.type)), ("subject", .string(event.resource)),
                    ("time", .string(event.timestamp.rfc3339)), ("datacontenttype", "application/json"),
                ], data: event.data)
        }
    }

    /// The text of the data is passed on as it was stored, never read.
    private static func object(_ members: [(String, JSONValue)], data: ArraySlice<UInt8>) -> [UInt8] {
        let head = members.map { "\"\($0)\":\($1.text)," }.joined()
        return Array("{\(head)\"data\":".utf8) + data + [UInt8(ascii: "}")]
    }
}
