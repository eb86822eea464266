import CCurl
import Logging
import Synchronization

/// The loop itself; made, run and freed on its thread.
final class LoopRunner {
    /// How often stalls and ended times are looked for, in milliseconds.
    private static let patrol: Int32 = 250

    private let mailbox: LoopMailbox
    private let logger: Logger
    private let multi: MultiHandle
    private var transfers: [Transfer] = []
    private var commands: [LoopMailbox.Command] = []
    private var nextPatrol = ContinuousClock.now

    init?(mailbox: LoopMailbox, configuration: CurlMultiLoop.Configuration, logger: Logger) {
        guard let multi = MultiHandle() else {
            logger.critical("outbound HTTP: no memory for libcurl")
            for case .start(let transfer) in mailbox.close() { transfer.end(.stopped) }
            return nil
        }
        self.mailbox = mailbox
        self.logger = logger
        multi.set(CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHost)
        multi.set(CURLMOPT_MAXCONNECTS, max(1, configuration.idleConnections))
        mailbox.attach(LoopMailbox.Waker(multi))
        self.multi = multi
    }

    func run() {
        while true {
            let mustStop = mailbox.take(into: &commands)
            for command in commands { obey(command) }
            commands.removeAll(keepingCapacity: true)
            if mustStop { break }

            check(multi.perform(), "curl_multi_perform")
            while let (transfer, code) = multi.nextEnded() { end(transfer, .curl(code)) }
            if !transfers.isEmpty { lookForOverdue() }

            if mailbox.fallAsleep() {
                check(multi.wait(milliseconds: transfers.isEmpty ? 60_000 : Self.patrol), "curl_multi_poll")
                mailbox.awake()
            }
        }
        let unread = mailbox.close()
        while let transfer = transfers.last { end(transfer, .stopped) }
        for case .start(let transfer) in unread { transfer.end(.stopped) }
    }

    private func obey(_ command: LoopMailbox.Command) {
        switch command {
        case .start(let transfer): start(transfer)
        case .cancel(let transfer):
            if transfer.place != nil { end(transfer, .cancelled) }
        case .resume(let transfer):
            // What is wrong with it comes out as the transfer's end.
            if transfer.place != nil { _ = transfer.handle.easy.unpause() }
        }
    }

    private func start(_ transfer: Transfer) {
        guard !transfer.cancelRequested.load(ordering: .sequentiallyConsistent) else {
            transfer.end(.cancelled)
            return
        }
        let code = multi.add(transfer.handle.easy)
        guard code == CURLM_OK else {
            logger.error("a request could not be started", metadata: ["reason": "\(CurlLibrary.words(code))"])
            transfer.end(.curl(CURLE_OUT_OF_MEMORY))
            return
        }
        transfer.place = transfers.count
        transfers.append(transfer)
        transfer.begin(now: .now)
    }

    private func end(_ transfer: Transfer, _ cause: TransferEnd.Cause) {
        guard let place = transfer.place else { return }
        // Before the handle leaves the loop: the time spent counts up to here.
        multi.remove(transfer.handle.easy)
        transfer.place = nil
        let last = transfers.removeLast()
        if last !== transfer {
            transfers[place] = last
            last.place = place
        }
        transfer.end(cause)
    }

    private func lookForOverdue() {
        let now = ContinuousClock.now
        guard now >= nextPatrol else { return }
        nextPatrol = now + .milliseconds(Int(Self.patrol))
        // Backwards: ending one moves the last into its place.
        for transfer in transfers.reversed() {
            if let limit = transfer.overdue(now: now) { end(transfer, .overdue(limit)) }
        }
    }

    /// The multi handle itself fails only without memory or by a mistake of ours: nothing in flight can be trusted then.
    private func check(_ code: CURLMcode, _ call: String) {
        guard code != CURLM_OK else { return }
        logger.error("libcurl failed", metadata: ["call": "\(call)", "reason": "\(CurlLibrary.words(code))"])
        while let transfer = transfers.last { end(transfer, .curl(CURLE_OUT_OF_MEMORY)) }
    }
}
