import CCurl
import Synchronization

/// One request on its way. Prepared by a task, then the loop's alone until it has ended, then the task's again; only
/// `cancelRequested` and the pipes are touched by both at once.
final class Transfer: @unchecked Sendable {
    /// Where the answer goes.
    enum Sink {
        case collect(OutboundRequest.AnswerRule)
        case stream(ResponsePipe)
    }

    /// Where the request's body comes from, where libcurl does not have it all.
    enum Source {
        case segments(SegmentReader)
        case pipe(UploadPipe)
    }

    /// Why this side ended the transfer.
    enum Verdict {
        /// As much of the body as was wanted has come.
        case enough
        case failure(OutboundError.Kind)
    }

    let handle: TransferHandle
    let sink: Sink
    let source: Source?
    let egress: EgressPolicy
    /// The sockets lead to a proxy that the operator named; the policy is not about it.
    let usesProxy: Bool
    /// What the proxy connects to, where that was judged.
    let destination: ProxyDestination?
    /// Of its time, before the loop took it: looking its name up, and tries at other addresses.
    let spent: Duration
    let mustNotRepeat: Bool
    let redirects: Int
    let timeouts: OutboundRequest.Timeouts
    let cancelRequested = Atomic(false)
    /// Told the end, once; set before the loop gets the transfer. A streamed answer tells it through its pipe.
    var waiter: CheckedContinuation<TransferEnd, Never>?

    // The loop's:
    /// Its place among the loop's transfers; nil where it is not one of them.
    var place: Int?
    var head = HeadReader()
    var body: [UInt8] = []
    private(set) var bodyCount: Int64 = 0
    /// How often the request line went out: once, and again after each redirect and when libcurl repeats it.
    private(set) var timesSent = 0
    /// For the way to the next peer, since the request last went out.
    private(set) var socketsOpened = 0
    private(set) var denial: EgressPolicy.Denial?
    private var connectionsBefore = 0
    private(set) var verdict: Verdict?
    private(set) var readerPaused = false
    private(set) var writerPaused = false
    private(set) var bodySent = false
    /// When the loop took it, or its name began to be looked up before that.
    private var began: ContinuousClock.Instant?
    private var watch: StallWatch?
    private var deadline: ContinuousClock.Instant?

    init(
        handle: TransferHandle, request: OutboundRequest, sink: Sink, source: Source?, usesProxy: Bool,
        destination: ProxyDestination?
    ) {
        self.handle = handle
        self.sink = sink
        self.source = source
        self.usesProxy = usesProxy
        self.destination = destination
        spent = destination.map { .now - $0.began } ?? .zero
        egress = request.egress
        mustNotRepeat = request.connection == .fresh
        redirects = max(0, request.redirects)
        timeouts = request.timeouts
    }

    // MARK: Asked by libcurl

    /// How many bytes were taken; fewer than there are ends the transfer.
    func receiveHeader(_ line: UnsafeRawBufferPointer) -> Int {
        switch unsafe head.take(line) {
        case .more:
            break
        case .complete:
            if case .stream(let pipe) = sink, head.isFinal(followingRedirects: redirects > 0) {
                pipe.begin(TransferHead(of: self))
            }
        case .tooLarge:
            verdict = .failure(.tooLarge(.head))
            return 0
        }
        return line.count
    }

    func receiveBody(_ bytes: UnsafeRawBufferPointer) -> Int {
        switch sink {
        case .collect(let rule):
            let room = rule.limit - body.count
            guard bytes.count > room else {
                unsafe body.append(contentsOf: bytes)
                break
            }
            if case .beginning = rule {
                unsafe body.append(contentsOf: bytes.prefix(max(0, room)))
                verdict = .enough
            } else {
                verdict = .failure(.tooLarge(.body))
            }
            return 0
        case .stream(let pipe):
            switch unsafe pipe.put(bytes, passed: bodyCount) {
            case .taken:
                readerPaused = false
            case .full:
                readerPaused = true
                return Int(CURL_WRITEFUNC_PAUSE)
            case .tooLarge:
                verdict = .failure(.tooLarge(.body))
                return 0
            }
        }
        bodyCount += Int64(bytes.count)
        return bytes.count
    }

    func provideBody(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
        switch source {
        case nil:
            return 0
        case .segments(let reader):
            do throws(FileFailure) {
                let count = unsafe try reader.read(into: buffer)
                if reader.position == reader.length { bodySent = true }
                return count
            } catch {
                verdict = .failure(.bodySource(error))
                return Int(CURL_READFUNC_ABORT)
            }
        case .pipe(let pipe):
            writerPaused = false
            switch unsafe pipe.read(into: buffer) {
            case .bytes(let count):
                return count
            case .later:
                writerPaused = true
                return Int(CURL_READFUNC_PAUSE)
            case .end:
                bodySent = true
                return 0
            case .failed:
                verdict = .failure(.bodySource(pipe.failure ?? CancellationError()))
                return Int(CURL_READFUNC_ABORT)
            }
        }
    }

    func rewind(to position: Int64) -> Bool {
        guard case .segments(let reader) = source, reader.seek(to: position) else { return false }
        bodySent = false
        return true
    }

    /// The name is resolved, a socket is about to be opened.
    func mayConnect(to address: IPAddress?) -> Bool {
        if !usesProxy, !egress.isUnrestricted {
            guard let address else { return false }
            if let denial = egress.denial(of: address) {
                self.denial = denial
                return false
            }
        }
        socketsOpened += 1
        return true
    }

    /// The connection stands, the request is about to be written to it.
    func maySend(to peer: String?) -> Bool {
        // On a kept connection no socket was opened for this transfer: it may be one that another policy allowed.
        if socketsOpened == 0, !usesProxy, !egress.isUnrestricted {
            let address = peer.flatMap { IPAddress($0) }
            if let denial = address.flatMap({ egress.denial(of: $0) }) {
                verdict = .failure(.egressDenied(denial))
                return false
            }
            if address == nil {
                verdict = .failure(.failed)
                return false
            }
        }
        // A fresh connection is never repeated by libcurl; should it be one day, it is not by us.
        if mustNotRepeat, timesSent > handle.easy.number(CURLINFO_REDIRECT_COUNT) {
            verdict = .failure(.reset)
            return false
        }
        timesSent += 1
        head.restart()
        (socketsOpened, denial) = (0, nil)
        connectionsBefore = handle.easy.number(CURLINFO_NUM_CONNECTS)
        return true
    }

    // MARK: Asked by the loop

    /// Of the peer, where a proxy connects to it: what that was handed.
    var remoteAddress: String? { destination?.address.description ?? handle.easy.text(CURLINFO_PRIMARY_IP) }

    /// With the look-up before it. libcurl's own total stands still where the transfer is ended from outside.
    var duration: Duration { began.map { .now - $0 } ?? .zero }

    /// Whether the request is out, to where the redirects so far led.
    var isSent: Bool { timesSent > handle.easy.number(CURLINFO_REDIRECT_COUNT) }

    /// Whether a connection stands that the request is not yet on. libcurl 7.88 tells CONNECT_TIME only after TLS.
    var isConnected: Bool { handle.easy.number(CURLINFO_NUM_CONNECTS) > connectionsBefore }

    func begin(now: ContinuousClock.Instant) {
        let began = now - spent
        self.began = began
        deadline = timeouts.total.map { began + $0 }
        watch = timeouts.stall.map { StallWatch(limit: $0, now: now) }
    }

    /// What libcurl's own timers do not see: a stall, and the end of the time while it waits for a free connection.
    func overdue(now: ContinuousClock.Instant) -> OutboundError.TimeLimit? {
        if let deadline, now >= deadline { return .total }
        guard watch != nil else { return nil }
        let moved =
            handle.easy.offset(CURLINFO_SIZE_UPLOAD_T) + handle.easy.offset(CURLINFO_SIZE_DOWNLOAD_T)
            + Int64(handle.easy.number(CURLINFO_HEADER_SIZE)) + Int64(timesSent + socketsOpened)
        // A peer that has the whole of an upload may work on it for as long as the total time allows.
        let isWorking = deadline != nil && source != nil && isSent && head.status == 0 && hasSentAll
        let excused = readerPaused || (writerPaused && !head.isComplete) || isWorking
        return watch?.isStalled(moved: moved, excused: excused, now: now) == true ? .stall : nil
    }

    /// To be called once the loop holds the handle no more.
    func end(_ cause: TransferEnd.Cause) {
        if case .pipe(let pipe) = source { pipe.close() }
        let end = TransferEnd(of: self, cause: cause)
        if case .stream(let pipe) = sink { pipe.finish(end) }
        waiter.take()?.resume(returning: end)
    }
}
