public import CausewayCore
public import Logging
public import OutboundHTTP
public import Storage
public import Telemetry
import WorkQueue

/// Sends what is due to every subscription, in parallel: rounds of a `RoundLoop`, in each of which the attempts that
/// have ended are written down and what there is room for is claimed.
///
/// Invariants: those of `RoundLoop`, and: a report is written only under the lease of its claim; what a dead gateway
/// had under way comes back when its lease is over, however long an attempt may take.
public final class DeliveryEngine: Sendable {
    /// New or released deliveries.
    public static let topic: SignalTopic = "deliveries"
    /// Attempts were written down by this process.
    public static let recorded: SignalTopic = "delivery-attempts"

    public struct Settings: Sendable {
        /// For subscriptions without one of their own.
        public var retrySchedule: RetrySchedule
        /// Of one attempt, from the name's resolution to the last byte that is read of the answer.
        public var timeout: Duration
        /// Which addresses may be connected to.
        public var egress: EgressPolicy
        /// `Causeway/1.0.0`
        public var userAgent: String
        /// Attempts under way at once in this process to endpoints that answer, and as many to all others.
        public var places: Int
        /// Opens the subscriptions' secrets.
        public var vault: SecretVault
        /// The `source` of CloudEvents: a URL that names this gateway.
        public var eventSource: String
        /// How long an endpoint may do nothing but fail before its subscription is disabled.
        public var disableAfter = Duration.seconds(5 * 86_400)
        /// How often a subscription that was disabled for that is tried.
        public var probeInterval = Duration.seconds(3600)
        /// Whether it is enabled by itself once it answers.
        public var enablesAgain = false

        public static let defaultRetrySchedule = RetrySchedule(
            [5, 30, 2 * 60, 15 * 60, 3600, 4 * 3600, 12 * 3600, 24 * 3600].map { Duration.seconds($0) })

        public init(
            retrySchedule: RetrySchedule = Self.defaultRetrySchedule, timeout: Duration = .seconds(15),
            egress: EgressPolicy = .publicOnly, userAgent: String, places: Int = 1024,
            vault: SecretVault = SecretVault(),
            eventSource: String = "/causeway"
        ) {
            self.retrySchedule = retrySchedule
            self.timeout = timeout
            self.egress = egress
            self.userAgent = userAgent
            self.places = places
            self.vault = vault
            self.eventSource = eventSource
        }
    }

    private let work: DeliveryWork
    private let loop: RoundLoop<DeliveryWork>

    /// - Parameter client: its loop runs for as long as `run` does.
    public init(
        engine: any StorageEngine, client: OutboundHTTPClient, time: any TimeSource, logger: Logger, settings: Settings
    ) {
        let places = max(1, settings.places)
        // Whatever it allows itself, one subscription never has more than half of the places.
        var queue = DeliveryQueue(laneLimit: max(1, places / 2), vault: settings.vault)
        queue.probeInterval = settings.probeInterval
        work = DeliveryWork(
            engine: engine, time: time, logger: logger, places: DeliveryPlaces(each: places), queue: queue,
            recorder: AttemptRecorder(
                schedule: settings.retrySchedule,
                watch: SubscriptionWatch(
                    rule: DisablingRule(after: settings.disableAfter), probeInterval: settings.probeInterval,
                    enablesAgain: settings.enablesAgain, vault: settings.vault)),
            sender: DeliverySender(
                client: client, time: time, egress: settings.egress, timeout: settings.timeout,
                userAgent: settings.userAgent, eventSource: settings.eventSource))
        loop = RoundLoop(work, time: time, logger: logger)
    }

    /// When it last could look for what is due; nil before it runs. It looks every two seconds at the latest.
    public var lastLook: Timestamp? { loop.lastRound }

    /// What this process has attempted.
    public func write(to metrics: inout MetricText) {
        work.attempts.write(to: &metrics)
        work.changes.write(to: &metrics)
    }

    /// Claims nothing more; `run` returns when what is under way has ended and is written down.
    public func stop() { loop.stop() }

    /// Until `stop` (what is under way finishes) or cancellation (it is cut off and given back). Once only.
    public func run() async throws {
        try await work.releaseAbandoned()
        await loop.run(wokenBy: [Self.topic], of: work.engine.signals)
    }
}
