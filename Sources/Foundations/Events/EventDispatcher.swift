public import CausewayCore
public import Logging
public import Storage

/// Hands the events to one consumer, in order, each batch in the transaction that moves the consumer's place on:
/// what the consumer writes happens exactly once for each event, whatever dies when.
///
/// A consumer that has much to write for a batch writes a part and leaves the others, each of which gets a transaction of
/// its own, so that nobody waits for long for the store; the place moves on with the last of them. Until then the batch
/// may be handed out again: after the process died, or by another gateway in between. So with parts, to write what is
/// there already must change nothing.
public struct EventDispatcher: Sendable {
    public typealias Part = @Sendable (any Transaction) throws -> Void

    /// What a consumer has made of the events it was given.
    public struct Consumed: Sendable {
        /// How many of them, from the first; one at least. The others are handed out again.
        public var count: Int
        /// What is still to be written for these.
        public var rest: [Part]

        public init(_ count: Int, rest: [Part] = []) {
            self.count = count
            self.rest = rest
        }
    }

    /// Is given one event or more.
    public typealias Consumer = @Sendable ([Event], any Transaction) throws -> Consumed

    let name: String
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    let batch: Int
    let consume: Consumer
    /// Between parts, so that whoever was woken by one gets his turn before the next; in real time, since it decides nothing.
    private static let pause = Duration.milliseconds(1)
    private let log = EventLog()

    /// - Parameter name: of the consumer's place; its first run starts at the log's beginning.
    public init(
        name: String, engine: any StorageEngine, time: any TimeSource, logger: Logger, batch: Int = 100,
        consume: @escaping Consumer
    ) {
        self.name = name
        self.engine = engine
        self.time = time
        self.logger = logger
        self.batch = batch
        self.consume = consume
    }

    /// Until cancelled.
    public func run() async throws {
        try await engine.signals.withSubscription(to: [EventLog.topic]) { signal in
            // What takes longer than the store allows goes in smaller batches, until they pass.
            var size = batch
            while !Task.isCancelled {
                do {
                    while try await dispatch(size).isMore, !Task.isCancelled { size = min(batch, size * 2) }
                    size = batch
                } catch {
                    guard !Task.isCancelled else { return }
                    size = max(1, size / 4)
                    logger.error(
                        "events could not be handed on", metadata: ["consumer": "\(name)", "error": "\(error)"])
                }
                _ = try await signal.next(until: time.now() + .seconds(2), by: time)
            }
        }
    }

    /// One batch; returns how many events were consumed.
    @discardableResult
    public func dispatchOnce() async throws -> Int { try await dispatch(batch).count }

    private struct Begun {
        var place: Int64
        /// Where it moves to.
        var end: Int64
        var consumed: Consumed
        var isMore: Bool
    }

    private func dispatch(_ size: Int) async throws -> (count: Int, isMore: Bool) {
        let begun = try await engine.write { [self] transaction -> Begun? in
            guard let place = try claimPlace(in: transaction) else { return nil }
            let events = try log.events(after: place, limit: size, in: transaction)
            guard !events.isEmpty else { return nil }
            let consumed = try consume(events, transaction)
            let end = events[consumed.count - 1].sequence
            if consumed.rest.isEmpty { try move(to: end, in: transaction) }
            return Begun(
                place: place, end: end, consumed: consumed,
                isMore: events.count == size || consumed.count < events.count)
        }
        guard let begun else { return (0, false) }
        for (index, part) in begun.consumed.rest.enumerated() {
            let isLast = index == begun.consumed.rest.count - 1
            try await Task.sleep(for: Self.pause)
            let isOurs = try await engine.write { [self] transaction in
                // Waits where another gateway has begun the same in between: whoever is through first moves on for both.
                guard try lockedPlace(by: transaction.dialect.forUpdate, in: transaction) == begun.place else {
                    return false
                }
                try part(transaction)
                if isLast { try move(to: begun.end, in: transaction) }
                return true
            }
            guard isOurs else { return (0, true) }
        }
        return (begun.consumed.count, begun.isMore)
    }

    private func move(to place: Int64, in transaction: any Transaction) throws {
        try transaction.execute("UPDATE event_cursor SET position = \(place) WHERE name = \(name)")
    }

    /// Locks the consumer's place until the transaction's end. Nil, and nothing locked, where the log's end is reached, and
    /// where another gateway is at it.
    private func claimPlace(in transaction: any Transaction) throws -> Int64? {
        let locking = transaction.dialect.skipLocked
        if let place = try lockedPlace(by: locking, in: transaction) { return place }
        let isNew = try transaction.execute(
            "INSERT INTO event_cursor (name, position) VALUES (\(name), 0) ON CONFLICT (name) DO NOTHING")
        return isNew == 1 ? try lockedPlace(by: locking, in: transaction) : nil
    }

    private func lockedPlace(by locking: SQLQuery, in transaction: any Transaction) throws -> Int64? {
        try transaction.row(
            """
            SELECT position FROM event_cursor
            WHERE name = \(name) AND position < (SELECT MAX(sequence) FROM event_log)
            \(query: locking)
            """)?["position"]
    }
}
