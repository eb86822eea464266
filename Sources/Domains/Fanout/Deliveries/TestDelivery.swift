public import CausewayCore
import Events
public import OutboundHTTP
public import Storage
import Synchronization

/// Sends a test event to one subscription, at once and past its queue, enabled or not. It is on record as a delivery
/// that is never tried again, and changes nothing about the subscription.
public struct TestDelivery: Sendable {
    /// Whoever asks for it waits.
    private static let longestTimeout = Duration.seconds(30)

    private let engine: any StorageEngine
    private let time: any TimeSource
    private let sender: DeliverySender
    private let subscriptions: SubscriptionStore
    private let store = DeliveryStore()
    private let log = EventLog()
    private let underWay = UnderWay()

    /// - Parameter client: its loop runs.
    public init(
        engine: any StorageEngine, client: OutboundHTTPClient, time: any TimeSource, settings: DeliveryEngine.Settings
    ) {
        self.engine = engine
        self.time = time
        sender = DeliverySender(
            client: client, time: time, egress: settings.egress,
            timeout: min(settings.timeout, Self.longestTimeout), userAgent: settings.userAgent,
            eventSource: settings.eventSource)
        subscriptions = SubscriptionStore(vault: settings.vault)
    }

    /// A delivery and its attempts.
    public typealias Tested = (delivery: Delivery, attempts: [DeliveryAttempt])

    /// Returns when the endpoint has answered, or has not in time.
    ///
    /// Throws `FanoutError`: `subscriptionNotFound`, `testUnderWay`, `secretSealed`, `notSent` where no attempt could be
    /// made.
    public func send(
        _ id: SubscriptionID, recording: @escaping @Sendable (Tested, any Transaction) throws -> Void
    ) async throws -> Tested {
        guard underWay.begin(id) else { throw FanoutError.testUnderWay }
        defer { underWay.end(id) }
        let draft = EventDraft(
            type: EventTypes.test, resource: id.text, occurrence: RandomToken.make(bytes: 12), timestamp: time.now(),
            data: ["subscription": .string(id.text), "message": "A test, as somebody asked for it."])
        let claim = try await engine.write { [self] transaction -> ClaimedDelivery in
            guard let subscription = try subscriptions.subscription(id, in: transaction) else {
                throw FanoutError.subscriptionNotFound
            }
            guard !subscription.isSealed else { throw FanoutError.secretSealed }
            try log.append(draft, in: transaction)
            guard let event = try log.event(draft.id, in: transaction) else { throw FanoutError.eventNotFound }
            return ClaimedDelivery(
                number: DeliveryNumber(event.sequence * DeliveryNumber.subscriptions + subscription.number), fence: 0,
                attempt: 1, step: 0, subscription: subscription,
                event: EventEnvelope(
                    sequence: event.sequence, id: event.id, type: event.type, timestamp: event.timestamp,
                    resource: event.resource, data: event.data.text),
                claimedAt: draft.timestamp)
        }
        let report = await sender.attempt(claim)
        if case .abandoned(let reason) = report.outcome { throw FanoutError.notSent(reason) }
        return try await engine.write { [self] transaction in
            let isDelivered = report.statusCode.map { (200..<300).contains($0) } ?? false
            try store.insert(report, state: isDelivered ? .delivered : .failed, at: time.now(), in: transaction)
            try AttemptRecorder.insert([report], in: transaction)
            guard let delivery = try store.delivery(claim.number, in: transaction) else {
                throw FanoutError.deliveryNotFound
            }
            let tested = (delivery: delivery, attempts: try store.attempts(of: claim.number, in: transaction))
            try recording(tested, transaction)
            return tested
        }
    }
}

/// One test of a subscription at a time, in this process: each holds a connection until the endpoint has answered.
private final class UnderWay: Sendable {
    private let subscriptions = Mutex<Set<SubscriptionID>>([])

    func begin(_ id: SubscriptionID) -> Bool { subscriptions.withLock { $0.insert(id).inserted } }
    func end(_ id: SubscriptionID) { subscriptions.withLock { _ = $0.remove(id) } }
}

extension DeliveryStore {
    /// A delivery that has ended with its one attempt.
    fileprivate func insert(
        _ report: AttemptReport, state: Delivery.State, at now: Timestamp, in transaction: any Transaction
    ) throws {
        let delivery = report.delivery
        try transaction.execute(
            """
            INSERT INTO delivery (number, event_sequence, subscription_number, state, created_at, visible_at,
                                  attempts, step, fence, last_status_code, last_error, ended_at)
            VALUES (\(delivery.number.value), \(delivery.event.sequence), \(delivery.subscription.number), \(state),
                    \(report.startedAt), NULL, 1, 0, 0, \(report.statusCode), \(report.error), \(now))
            """)
    }
}
