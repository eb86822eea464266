public import CausewayCore
public import Events
public import Storage

/// One event for one subscription.
///
///     (event) ──▶ pending ──claim──▶ delivering ──2xx──▶ delivered
///                   ▲ │                 │ │
///                   │ └──disable──▶ held│ └──schedule at its end, 410──▶ failed
///                   └──another status,──┘
///                      no answer, or the lease is over
///
/// Deleting the subscription makes all that are not at their end cancelled; enabling it makes held ones pending. One
/// under way while its subscription is disabled stays `delivering` under its lease, and is held when the attempt ends in
/// nothing; one held too long has failed. Where an order is asked for, a pending one waits for those before it in its
/// line (`DeliveryOrder`). The result of one under way while it is deleted is still written: a success is `delivered`, anything else
/// changes the state no more.
public struct Delivery: Sendable {
    public enum State: String, CaseIterable, Sendable, SQLConvertible {
        case pending, delivering, delivered, failed, held, cancelled
    }

    public let id: DeliveryID
    public let event: EventID
    public let eventType: String
    public let subscription: SubscriptionID
    public let state: State
    /// How many attempts are on record.
    public let attemptCount: Int
    public let lastStatusCode: Int?
    public let lastError: AttemptError?
    public let createdAt: Timestamp
    /// Of a pending one.
    public let nextAttemptAt: Timestamp?
    /// When it was delivered, failed or cancelled.
    public let endedAt: Timestamp?
    /// The one that must have ended before this one goes, where its subscription asks for an order.
    public let waitsFor: DeliveryID?
    /// Why it ended where no attempt says so; for people.
    public let errorDetail: String?
    let number: DeliveryNumber
}

/// Why an attempt got no answer.
public enum AttemptError: String, CaseIterable, Sendable, SQLConvertible {
    case timeout, resolve, connect, tls, reset
    case protocolViolation = "protocol"
    case egressDenied = "egress_denied"
}

/// One attempt at a delivery, as it went.
public struct DeliveryAttempt: Sendable {
    /// From 1.
    public let number: Int
    public let startedAt: Timestamp
    public let duration: Duration
    /// When the name was resolved, the connection stood, and the answer began, each from the start; nil where it did not
    /// come to that, or on a kept connection.
    public let resolved: Duration?
    public let connected: Duration?
    public let firstByte: Duration?
    /// Nil where no answer came.
    public let statusCode: Int?
    public let error: AttemptError?
    /// For people.
    public let errorDetail: String?
    /// The first 4 KiB.
    public let responseBody: String?
    /// The peer, as it was connected to.
    public let remoteAddress: String?

    public static let responseLimit = 4096
}

extension Delivery: RowDecodable {
    /// Reads the columns of `DeliveryStore.columns`.
    public init(row: ResultRow) throws {
        number = DeliveryNumber(try row["number"])
        id = number.id
        event = try row["event_id"]
        eventType = try row["event_type"]
        subscription = try row["subscription_id"]
        state = try row["state"]
        attemptCount = try row["attempts"]
        lastStatusCode = try row["last_status_code"]
        lastError = try row["last_error"]
        createdAt = try row["created_at"]
        let visibleAt: Timestamp? = try row["visible_at"]
        nextAttemptAt = state == .pending ? visibleAt : nil
        endedAt = try row["ended_at"]
        let waitsFor: Int64? = try row["waits_for"]
        self.waitsFor = waitsFor.map { DeliveryNumber($0).id }
        errorDetail = try row["error_detail"]
    }
}

extension DeliveryAttempt: RowDecodable {
    public init(row: ResultRow) throws {
        number = try row["number"]
        startedAt = try row["started_at"]
        let milliseconds: Int64 = try row["duration_ms"]
        duration = .milliseconds(milliseconds)
        let steps: [Int64?] = [try row["resolve_ms"], try row["connect_ms"], try row["first_byte_ms"]]
        (resolved, connected, firstByte) = (
            steps[0].map { .milliseconds($0) }, steps[1].map { .milliseconds($0) }, steps[2].map { .milliseconds($0) }
        )
        statusCode = try row["status_code"]
        error = try row["error"]
        errorDetail = try row["error_detail"]
        responseBody = try row["response_body"]
        remoteAddress = try row["remote_address"]
    }
}
