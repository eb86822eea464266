public import CausewayCore
public import Logging
public import Storage

/// Runs the work of one process: claims what is due, of each kind as many at once as its handler allows, with
/// heartbeats while they run.
///
/// Invariants: those of `RoundLoop`, and: a result is written only under the lease of its claim (the fence).
public final class Worker: Sendable {
    private let work: HandledWork
    private let loop: RoundLoop<HandledWork>

    public init(
        queue: WorkQueue, engine: any StorageEngine, time: any TimeSource, logger: Logger, handlers: [WorkHandler]
    ) {
        work = HandledWork(queue: queue, engine: engine, time: time, logger: logger, handlers: handlers)
        loop = RoundLoop(work, time: time, logger: logger)
    }

    /// When it last could look for work; nil before it runs. It looks every two seconds at the latest.
    public var lastLook: Timestamp? { loop.lastRound }

    /// Claims nothing more; `run` returns when what runs has ended.
    public func stop() { loop.stop() }

    /// Until `stop` (what runs finishes) or cancellation (what runs is cancelled and given back).
    public func run() async throws {
        try await work.releaseAbandoned()
        await loop.run(wokenBy: work.topics, of: work.engine.signals)
    }
}
