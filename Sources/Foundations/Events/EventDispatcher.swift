public import CausewayCore
public import Logging
public import Storage

/// Hands the events to one consumer, in order, each batch in the transaction that moves the consumer's place on:
/// what the consumer writes happens exactly once for each event, whatever dies when.
public struct EventDispatcher: Sendable {
    /// Returns up to which place in the log it is done; nil where it is to get the same events again.
    public typealias Consumer = @Sendable ([Event], any Transaction) throws -> Int64?

    let name: String
    let topic: SignalTopic
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    let batch: Int
    let pause: Duration
    let consume: Consumer
    private let log = EventLog()

    /// - Parameters:
    ///   - name: of the consumer's place; its first run starts at the log's beginning.
    ///   - topic: what wakes it; besides, it looks every two seconds.
    ///   - pause: before each batch, in real time: who wants to write at the same moment goes first.
    public init(
        name: String, wokenBy topic: SignalTopic = EventLog.topic, engine: any StorageEngine, time: any TimeSource,
        logger: Logger, batch: Int = 100, pause: Duration = .zero, consume: @escaping Consumer
    ) {
        self.name = name
        self.topic = topic
        self.engine = engine
        self.time = time
        self.logger = logger
        self.batch = batch
        self.pause = pause
        self.consume = consume
    }

    /// Until cancelled.
    public func run() async throws {
        try await engine.signals.withSubscription(to: [topic]) { signal in
            while !Task.isCancelled {
                do {
                    repeat {
                        if pause > .zero { try? await Task.sleep(for: pause) }
                    } while try await dispatch().isMore && !Task.isCancelled
                } catch {
                    logger.error(
                        "events could not be handed on", metadata: ["consumer": "\(name)", "error": "\(error)"])
                }
                _ = try await signal.next(until: time.now() + .seconds(2), by: time)
            }
        }
    }

    /// One batch; returns how many events it held.
    @discardableResult
    public func dispatchOnce() async throws -> Int { try await dispatch().count }

    private func dispatch() async throws -> (count: Int, isMore: Bool) {
        try await engine.write { [self] transaction in
            guard let position = try claimPlace(in: transaction) else { return (0, false) }
            let events = try log.events(after: position, limit: batch, in: transaction)
            guard let last = events.last else { return (0, false) }
            guard let place = try consume(events, transaction) else { return (events.count, true) }
            try transaction.execute("UPDATE event_cursor SET position = \(place) WHERE name = \(name)")
            return (events.count, place < last.sequence || events.count == batch)
        }
    }

    /// Takes events, the log's next ones, off another consumer, unless it has not come as far as to these.
    public static func pass(_ events: [Event], by name: String, in transaction: any Transaction) throws {
        guard let first = events.first, let last = events.last else { return }
        try transaction.execute(
            """
            UPDATE event_cursor SET position = \(last.sequence)
            WHERE name = \(name) AND position < \(first.sequence) AND NOT EXISTS (
                SELECT 1 FROM event_log e WHERE e.sequence > event_cursor.position AND e.sequence < \(first.sequence))
            """)
    }

    /// Locks the consumer's place until the transaction's end, so that of several gateways one does a batch and the
    /// others go on after it. Nil, and nothing locked, where the log's end is reached.
    private func claimPlace(in transaction: any Transaction) throws -> Int64? {
        if let place = try lockedPlace(in: transaction) { return place }
        let isNew = try transaction.execute(
            "INSERT INTO event_cursor (name, position) VALUES (\(name), 0) ON CONFLICT (name) DO NOTHING")
        return isNew == 1 ? try lockedPlace(in: transaction) : nil
    }

    private func lockedPlace(in transaction: any Transaction) throws -> Int64? {
        try transaction.row(
            """
            SELECT position FROM event_cursor
            WHERE name = \(name) AND position < (SELECT MAX(sequence) FROM event_log)
            \(query: transaction.dialect.forUpdate)
            """)?["position"]
    }
}
