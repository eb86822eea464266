import CausewayCore
import Events
import Fanout
import Logging
import Storage

/// Who listens to which event: the whole product on one page. Each reader has its own place in the log, and writes what
/// follows from an event in the transaction that moves that place on.
enum EventWiring {
    static func dispatchers(
        engine: any StorageEngine, time: any TimeSource, logger: Logger
    ) -> [EventDispatcher] {
        // Every event becomes a delivery for each subscription that wants it.
        [EventMatching.dispatcher(engine: engine, time: time, logger: logger)]
    }
}
