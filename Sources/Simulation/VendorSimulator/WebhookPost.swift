import CausewayCore

/// One webhook on its way, with all its attempts.
struct WebhookPost: Sendable {
    enum Channel: String, Sendable { case direct, account }
    enum State: String, Sendable { case pending, delivered, failed, lost }

    struct Attempt: Sendable {
        let at: Timestamp
        let durationMilliseconds: Int64
        let outcome: WebhookOutcome
    }

    let key: String
    let channel: Channel
    let url: String
    let export: String
    let body: JSONValue
    /// What the body says the export's state is: a lie where it came early.
    let claims: String
    let madeAt: Timestamp
    /// The fault that struck it.
    var fault: Fault?
    var state = State.pending
    var attempts: [Attempt] = []

    var json: JSONValue {
        [
            "key": .string(key), "channel": .string(channel.rawValue), "url": .string(url), "export": .string(export),
            "body": body, "claims": .string(claims), "made_at": .integer(madeAt.milliseconds),
            "fault": .optional(fault?.kind.rawValue), "state": .string(state.rawValue),
            "attempts": .array(
                attempts.enumerated().map { number, attempt in
                    [
                        "number": .integer(Int64(number + 1)), "at": .integer(attempt.at.milliseconds),
                        "duration_ms": .integer(attempt.durationMilliseconds),
                        "status": attempt.outcome.status.map { .integer(Int64($0)) } ?? nil,
                        "error": .optional(attempt.outcome.error),
                    ]
                }),
        ]
    }
}

/// What came of one attempt: a status, or an error in words.
enum WebhookOutcome: Sendable, Equatable {
    case answered(Int)
    case broken(String)

    var status: Int? { if case .answered(let status) = self { status } else { nil } }
    var error: String? { if case .broken(let error) = self { error } else { nil } }
    var isSuccess: Bool { status.map { (200...299).contains($0) } ?? false }
}
