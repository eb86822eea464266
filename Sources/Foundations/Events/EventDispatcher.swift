public import CausewayCore
public import Logging
public import Storage

/// Hands the events to one consumer, in order, each batch in the transaction that moves the consumer's place on:
/// what the consumer writes happens exactly once for each event, whatever dies when.
public struct EventDispatcher: Sendable {
    public typealias Consumer = @Sendable ([Event], any Transaction) throws -> Void

    let name: String
    let engine: any StorageEngine
    let time: any TimeSource
    let logger: Logger
    let batch: Int
    let consume: Consumer
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
                    while try await dispatchOnce(size) == size, !Task.isCancelled { size = min(batch, size * 2) }
                    size = batch
                } catch {
                    size = max(1, size / 4)
                    logger.error(
                        "events could not be handed on", metadata: ["consumer": "\(name)", "error": "\(error)"])
                }
                _ = try await signal.next(until: time.now() + .seconds(2), by: time)
            }
        }
    }

    /// One batch; returns how many events it held.
    @discardableResult
    public func dispatchOnce() async throws -> Int { try await dispatchOnce(batch) }

    private func dispatchOnce(_ size: Int) async throws -> Int {
        try await engine.write { [self] transaction in
            guard let position = try claimPlace(in: transaction) else { return 0 }
            let events = try log.events(after: position, limit: size, in: transaction)
            guard let last = events.last else { return 0 }
            try transaction.execute("UPDATE event_cursor SET position = \(last.sequence) WHERE name = \(name)")
            try consume(events, transaction)
            return events.count
        }
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
