public import CausewayCore

extension Delivery {
    /// As lists show it.
    public var json: JSONValue { .object(members) }

    /// As the resource itself is shown.
    public func json(with attempts: [DeliveryAttempt]) -> JSONValue {
        var members = members
        members["attempts"] = .array(attempts.map(\.json))
        return .object(members)
    }

    private var members: [String: JSONValue] {
        [
            "id": .string(id.text), "event": .string(event.text), "event_type": .string(eventType),
            "subscription": .string(subscription.text), "state": .string(state.rawValue),
            "attempt_count": .integer(Int64(attemptCount)),
            "last_status_code": lastStatusCode.map { .integer(Int64($0)) } ?? .null,
            "last_error": .optional(lastError?.rawValue), "created_at": .string(createdAt.rfc3339),
            "next_attempt_at": .optional(nextAttemptAt), "ended_at": .optional(endedAt),
            "waiting_for": .optional(waitsFor?.text), "error_detail": .optional(errorDetail),
        ]
    }
}

extension DeliveryAttempt {
    private static func milliseconds(_ time: Duration?) -> JSONValue {
        time.map { .integer($0.wholeMilliseconds) } ?? .null
    }

    public var json: JSONValue {
        [
            "number": .integer(Int64(number)), "started_at": .string(startedAt.rfc3339),
            "duration_ms": .integer(duration.wholeMilliseconds),
            "resolve_ms": Self.milliseconds(resolved), "connect_ms": Self.milliseconds(connected),
            "first_byte_ms": Self.milliseconds(firstByte),
            "status_code": statusCode.map { .integer(Int64($0)) } ?? .null, "error": .optional(error?.rawValue),
            "error_detail": .optional(errorDetail), "response_body": .optional(responseBody),
            "remote_address": .optional(remoteAddress),
        ]
    }
}
