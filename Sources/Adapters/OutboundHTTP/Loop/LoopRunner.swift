import CCurl
import Logging
import Synchronization

/// The loop itself; made, run and freed on its thread.
final class LoopRunner {
    /// How often stalls and ended times are looked for.
    private static let patrol = Duration.milliseconds(250)

    private let mailbox: LoopMailbox
    private let logger: Logger
    private let multi: MultiHandle
    private let poll: SocketPoll
    private var transfers: [Transfer] = []
    private var commands: [LoopMailbox.Command] = []
    private var nextPatrol = ContinuousClock.now
    /// When libcurl wants to be called although nothing happened.
    private var timer: ContinuousClock.Instant?

    init?(mailbox: LoopMailbox, configuration: CurlMultiLoop.Configuration, logger: Logger) {
        guard let multi = MultiHandle(), let poll = SocketPoll() else {
            logger.critical("outbound HTTP cannot start: the system has no memory or descriptors left")
            for case .start(let transfer) in mailbox.close() { transfer.end(.stopped) }
            return nil
        }
        self.mailbox = mailbox
        self.logger = logger
        self.multi = multi
        self.poll = poll
        self.multi.set(CURLMOPT_MAX_HOST_CONNECTIONS, configuration.connectionsPerHost)
        self.multi.set(CURLMOPT_MAXCONNECTS, max(1, configuration.keptConnections))
        self.multi.installCallbacks(for: self)
        mailbox.attach(self.poll.waker)
    }

    func run() {
        while true {
            let mustStop = mailbox.take(into: &commands)
            for command in commands { obey(command) }
            commands.removeAll(keepingCapacity: true)
            if mustStop { break }

            if let due = timer, due <= .now {
                timer = nil
                check(multi.actOnTimer())
            }
            endFinished()
            if !transfers.isEmpty { lookForOverdue() }
            wait()
            endFinished()
        }
        let unread = mailbox.close()
        while let transfer = transfers.last { end(transfer, .stopped) }
        for case .start(let transfer) in unread { transfer.end(.stopped) }
    }

    /// For sockets, libcurl's timer, the next patrol, or a command; not at all where a command is there.
    private func wait() {
        let sleeps = mailbox.fallAsleep()
        var time: Duration = sleeps ? .seconds(60) : .zero
        if sleeps {
            let now = ContinuousClock.now
            if !transfers.isEmpty { time = min(time, nextPatrol - now) }
            if let timer { time = min(time, timer - now) }
        }
        // Rounded up: to wake a little too early would mean to wait again for nothing.
        let milliseconds = Int32((max(time, .zero) + .microseconds(999)).wholeMicroseconds / 1000)
        poll.wait(milliseconds: milliseconds) { socket, events in
            var bits: Int32 = 0
            if events & EPOLLIN.rawValue != 0 { bits |= CURL_CSELECT_IN }
            if events & EPOLLOUT.rawValue != 0 { bits |= CURL_CSELECT_OUT }
            if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { bits |= CURL_CSELECT_ERR }
            check(multi.act(on: socket, bits))
        }
        if sleeps { mailbox.awake() }
    }

    // MARK: Asked by libcurl

    func watch(_ socket: curl_socket_t, for what: Int32) -> Bool {
        switch what {
        case CURL_POLL_IN: return poll.watch(socket, EPOLLIN.rawValue)
        case CURL_POLL_OUT: return poll.watch(socket, EPOLLOUT.rawValue)
        case CURL_POLL_INOUT: return poll.watch(socket, EPOLLIN.rawValue | EPOLLOUT.rawValue)
        default:
            poll.forget(socket)
            return true
        }
    }

    func setTimer(_ milliseconds: Int) {
        timer = milliseconds < 0 ? nil : .now + .milliseconds(milliseconds)
    }

    // MARK: Transfers

    private func obey(_ command: LoopMailbox.Command) {
        switch command {
        case .start(let transfer): start(transfer)
        case .cancel(let transfer): end(transfer, .cancelled)
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

    private func endFinished() {
        while let (transfer, code) = multi.nextEnded() { end(transfer, .curl(code)) }
    }

    /// Nothing where it has ended already.
    private func end(_ transfer: Transfer, _ cause: TransferEnd.Cause) {
        guard let place = transfer.place else { return }
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
        nextPatrol = now + Self.patrol
        for transfer in transfers {
            if let limit = transfer.overdue(now: now) { end(transfer, .overdue(limit)) }
        }
    }

    /// The multi handle itself fails only without memory or by a mistake of ours: nothing in flight can be trusted then.
    private func check(_ code: CURLMcode) {
        guard code != CURLM_OK, code != CURLM_BAD_SOCKET else { return }
        logger.error("libcurl's loop failed", metadata: ["reason": "\(CurlLibrary.words(code))"])
        while let transfer = transfers.last { end(transfer, .curl(CURLE_OUT_OF_MEMORY)) }
    }
}
