public import CausewayCore
import OutboundHTTP

extension Subscription {
    /// The resource without its secret; the values of headers, which are often credentials, are masked.
    public var json: JSONValue { .object(members) }

    /// The resource without its secret, for those who may change it.
    public var jsonWithHeaders: JSONValue { .object(membersWithHeaders) }

    /// The resource as the answer to its making, and to a rotation, shows it.
    public var jsonWithSecret: JSONValue {
        var members = membersWithHeaders
        members["secret"] = .optional(secret?.reveal())
        return .object(members)
    }

    /// The resource as an event tells other teams of it: of its URL the origin, since the rest may be secret.
    var jsonForOthers: JSONValue {
        var members = members
        let origin = (try? OutboundURL(terms.url)).map { url in
            "\(url.scheme)://\(url.host.contains(":") ? "[\(url.host)]" : url.host):\(url.port)/"
        }
        members["url"] = .optional(origin)
        return .object(members)
    }

    /// What `GET …/secret` answers.
    public var secretJSON: JSONValue { ["secret": .optional(secret?.reveal())] }

    public var secret: Secret? { terms.secrets.first?.text }

    private var membersWithHeaders: [String: JSONValue] {
        members.merging(["headers": .object(terms.headers.mapValues(JSONValue.string))]) { $1 }
    }

    /// What `v1a` is verified with.
    private var publicKey: String? {
        terms.signatures.contains(.v1a) ? terms.secrets.first?.keyPair?.publicText : nil
    }

    private var members: [String: JSONValue] {
        [
            "id": .string(id.text),
            "url": .string(terms.url),
            "events": .array((terms.events ?? EventTypes.all).map(JSONValue.string)),
            "description": .optional(terms.description),
            "filter": .object(
                Dictionary(
                    uniqueKeysWithValues: SubscriptionFilter.Dimension.allCases.map { dimension in
                        (dimension.rawValue, .array(terms.filter[dimension].map(JSONValue.string)))
                    })),
            "format": .string(terms.format.rawValue),
            "headers": .object(terms.headers.mapValues { _ in .string(SubscriptionInput.mask) }),
            "max_in_flight": .integer(Int64(terms.maxInFlight)),
            "rate_per_second": terms.ratePerSecond.map { .integer(Int64($0)) } ?? .null,
            "ordering": .string(terms.ordering.rawValue),
            "retry_schedule": .optional(terms.retrySchedule?.text),
            "signatures": .array(terms.signatures.map { .string($0.rawValue) }),
            "public_key": .optional(publicKey),
            "enabled": .bool(enabled),
            "disabled_reason": .optional(disabledReason?.rawValue),
            "disabled_at": .optional(disabledAt),
            "failing_since": .optional(health.failingSince),
            "answers_again_at": .optional(health.answersSince),
            "created_at": .string(createdAt.rfc3339),
        ]
    }
}
