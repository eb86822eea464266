import CausewayCore
public import Logging
import Synchronization

/// The one loop through which all outbound requests go: libcurl's multi interface on a thread of its own.
///
/// Tasks prepare transfers and post them; the loop alone adds, runs and removes them, and tells the task when one has
/// ended. Every transfer that was posted ends exactly once: complete, failed, overdue, cancelled or stopped.
public final class CurlMultiLoop: Sendable {
    public struct Configuration: Sendable {
        /// Further requests to the same host wait for a free connection; 0 is without limit.
        public var connectionsPerHost: Int
        /// Open at the same time, idle ones and those in use together; beyond it the longest idle one is closed
        /// whenever a request ends. So it should lie above the requests in flight.
        public var keptConnections: Int

        public init(connectionsPerHost: Int = 0, keptConnections: Int = 4096) {
            self.connectionsPerHost = connectionsPerHost
            self.keptConnections = keptConnections
        }
    }

    /// The system gave no thread or no memory.
    public struct StartFailure: Error, CustomStringConvertible {
        public let description = "the thread for outbound HTTP could not be started"
    }

    let mailbox = LoopMailbox()
    private let configuration: Configuration
    private let logger: Logger
    private let thread = Mutex<SystemThread?>(nil)

    public init(configuration: Configuration = Configuration(), logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    deinit { mailbox.stop() }

    /// Once; a second call does nothing. Before it, and after `stop`, every request fails as `stopped`.
    public func start() throws(StartFailure) {
        guard mailbox.open() else { return }
        let (mailbox, configuration, logger) = (mailbox, configuration, logger)
        let started = thread.withLock { thread in
            thread = SystemThread(name: "outbound-http") {
                LoopRunner(mailbox: mailbox, configuration: configuration, logger: logger)?.run()
                mailbox.tellStopped()
            }
            return thread != nil
        }
        guard started else {
            for case .start(let transfer) in mailbox.close() { transfer.end(.stopped) }
            mailbox.tellStopped()
            throw StartFailure()
        }
    }

    /// Ends every request in flight as `stopped`, and the thread. Returns when both are done.
    public func stop() async {
        mailbox.stop()
        await mailbox.stopped()
        let ended = thread.withLock { $0.take() }
        if let ended { ended.join() }
    }

    func cancel(_ transfer: Transfer) {
        // The mark first: the transfer may not have been posted yet.
        transfer.cancelRequested.store(true, ordering: .sequentiallyConsistent)
        _ = mailbox.post(.cancel(transfer))
    }

    func resume(_ transfer: Transfer) {
        _ = mailbox.post(.resume(transfer))
    }

    func start(_ transfer: Transfer) {
        if !mailbox.post(.start(transfer)) { transfer.end(.stopped) }
    }
}
