import CPostgres
import CausewayCore
import Glibc
import Logging
import Storage
import Synchronization

/// Carries signals between gateways by LISTEN and NOTIFY, on a thread and a connection of its own.
///
/// Notifications are sent from here and not by the transactions they tell of: a transaction with a NOTIFY holds a lock
/// on the whole database while it commits. So one may be lost with its process; everybody looks every two seconds.
final class NotificationListener: Sendable {
    private struct State {
        var outgoing: Set<SignalTopic> = []
        var isClosed = false
        var isRunning = false
        var closing: [CheckedContinuation<Void, Never>] = []
    }

    /// PostgreSQL takes 8,000 bytes in one notification.
    private static let payloadLimit = 7_000
    /// So that a connection that is dead is noticed.
    private static let checkInterval = Duration.seconds(20)

    private let configuration: PostgresConfiguration
    private let hub: SignalHub
    private let logger: Logger
    private let state = Mutex(State())
    private let bell: Int32

    init(_ configuration: PostgresConfiguration, hub: SignalHub, logger: Logger) {
        self.configuration = configuration
        self.hub = hub
        self.logger = logger
        bell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    }

    deinit { Glibc.close(bell) }

    /// False where the system has no thread.
    func start() -> Bool {
        guard bell >= 0 else { return false }
        state.withLock { $0.isRunning = true }
        let thread = SystemThread(name: "postgres-listen") { [self] in
            run()
            ended()
        }
        if thread == nil { ended() }
        return thread != nil
    }

    func tell(_ topics: Set<SignalTopic>) {
        let isNew = state.withLock { state in
            defer { state.outgoing.formUnion(topics) }
            return state.outgoing.isEmpty
        }
        if isNew { ring() }
    }

    func close() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                state.isClosed = true
                if state.isRunning { state.closing.append(continuation) }
                return !state.isRunning
            }
            if isOver { continuation.resume() }
            ring()
        }
    }

    private func ended() {
        let waiting = state.withLock { state in
            state.isRunning = false
            defer { state.closing = [] }
            return state.closing
        }
        for continuation in waiting { continuation.resume() }
    }

    private func ring() { _ = eventfd_write(bell, 1) }

    private var isClosed: Bool { state.withLock(\.isClosed) }

    // MARK: On the thread

    private func run() {
        var backoff = Backoff()
        var isTold = false
        while !isClosed {
            do throws(PostgresFailure) {
                let connection = try PostgresConnection(
                    configuration, url: configuration.listenURL ?? configuration.url)
                _ = try connection.run("LISTEN \"\(connection.channel.replacing("\"", with: "\"\""))\"", [])
                if connection.isPooled { warnOfPooler() }
                backoff = Backoff()
                if isTold { logger.notice("PostgreSQL tells again of changes made by other gateways") }
                isTold = false
                // Whatever was told before is lost.
                hub.postAll()
                try listen(on: connection)
            } catch {
                // What cannot be told now will be seen by looking.
                state.withLock { $0.outgoing = [] }
                if isClosed { return }
                // Once for each time it is away, however often it is tried.
                if !isTold {
                    logger.warning(
                        """
                        no connection to PostgreSQL that tells of changes made by other gateways: until there is one they \
                        are seen by looking every two seconds
                        """, metadata: ["error": "\(error)"])
                }
                isTold = true
                wait(for: nil, backoff.next())
            }
        }
    }

    private func warnOfPooler() {
        logger.warning(
            """
            database_url leads to a pooler, where notifications may not arrive: changes made by other gateways are then \
            seen by looking every two seconds. Set database.listen_url to PostgreSQL itself.
            """)
    }

    private func listen(on connection: PostgresConnection) throws(PostgresFailure) {
        while !isClosed {
            let outgoing = state.withLock { state in
                defer { state.outgoing = [] }
                return state.outgoing
            }
            for payload in Self.payloads(outgoing) {
                _ = try connection.run("SELECT pg_notify($1, $2)", [.text(connection.channel), .text(payload)])
            }
            try receive(from: connection)
            guard state.withLock({ $0.outgoing.isEmpty && !$0.isClosed }) else { continue }
            if !wait(for: connection, Self.checkInterval) { _ = try connection.run("SELECT 1", []) }
        }
    }

    private func receive(from connection: PostgresConnection) throws(PostgresFailure) {
        for payload in try connection.notifications() {
            for line in payload.split(separator: "\n") { hub.post(SignalTopic(String(line))) }
        }
    }

    /// True where something came.
    @discardableResult
    private func wait(for connection: PostgresConnection?, _ time: Duration) -> Bool {
        var entries = [pollfd(fd: bell, events: Int16(POLLIN), revents: 0)]
        if let connection { entries.append(pollfd(fd: connection.socket, events: Int16(POLLIN), revents: 0)) }
        let count = unsafe poll(&entries, nfds_t(entries.count), Int32(clamping: time.wholeMilliseconds))
        var rung: eventfd_t = 0
        _ = unsafe eventfd_read(bell, &rung)
        return count != 0
    }

    /// Topics by the line, as many to a notification as it takes.
    static func payloads(_ topics: Set<SignalTopic>) -> [String] {
        var payloads: [String] = []
        for topic in topics where topic.text.utf8.count <= payloadLimit {
            if let last = payloads.last, last.utf8.count + topic.text.utf8.count < payloadLimit {
                payloads[payloads.count - 1] = last + "\n" + topic.text
            } else {
                payloads.append(topic.text)
            }
        }
        return payloads
    }
}

extension PostgresConnection {
    var socket: Int32 { unsafe PQsocket(handle) }

    /// What other sessions have told since the last call.
    func notifications() throws(PostgresFailure) -> [String] {
        guard unsafe PQconsumeInput(handle) == 1 else { throw lost() }
        var payloads: [String] = []
        while let notification = unsafe PQnotifies(handle) {
            // Our own were posted when they were told.
            if unsafe notification.pointee.be_pid != PQbackendPID(handle) {
                payloads.append(unsafe String(cString: notification.pointee.extra))
            }
            unsafe PQfreemem(notification)
        }
        return payloads
    }
}
