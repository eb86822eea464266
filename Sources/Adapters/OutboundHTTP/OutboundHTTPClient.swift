import CausewayCore

/// Sends requests through a loop; any number of clients may share one.
public struct OutboundHTTPClient: Sendable {
    public struct Configuration: Sendable {
        public var userAgent: String
        /// `http://host:port`; nil is none, whatever the environment says. A request whose egress policy restricts
        /// addresses goes through a tunnel (CONNECT) to an address that was judged here.
        public var proxy: String?
        /// The proxy gets names and judges what they resolve to; only addresses written in URLs are judged here.
        public var proxyJudges: Bool
        /// A PEM file with the authorities to trust instead of the system's.
        public var caFile: String?
        /// Over TLS, where the peer offers it, for collected answers and bodies up to 16 KiB; long bodies go over
        /// HTTP/1.1.
        public var http2: Bool
        /// Idle handles kept for the next requests.
        public var idleHandles: Int

        public init(
            userAgent: String, proxy: String? = nil, proxyJudges: Bool = false, caFile: String? = nil,
            http2: Bool = true, idleHandles: Int = 256
        ) {
            self.userAgent = userAgent
            self.proxy = proxy
            self.proxyJudges = proxyJudges
            self.caFile = caFile
            self.http2 = http2
            self.idleHandles = idleHandles
        }
    }

    let loop: CurlMultiLoop
    let configuration: Configuration
    private let handles: TransferHandlePool
    var resolver = NameResolver()

    /// The loop must be started before requests are sent, and outlive them.
    public init(loop: CurlMultiLoop, configuration: Configuration) {
        self.loop = loop
        self.configuration = configuration
        handles = TransferHandlePool(limit: configuration.idleHandles)
    }

    /// Sends one request and collects the answer as its `answer` rule says. Any status is an answer. Cancelling the task
    /// stops the transfer and closes its connection.
    public func send(_ request: OutboundRequest) async throws(OutboundError) -> OutboundResponse {
        var destinations = try await destinations(of: request)
        while destinations.count > 1 {
            do throws(OutboundError) {
                return try await send(request, to: destinations.removeFirst())
            } catch {
                guard error.leavesRoom(for: request) else { throw error }
            }
        }
        return try await send(request, to: destinations.first)
    }

    private func send(
        _ request: OutboundRequest, to destination: ProxyDestination?
    ) async throws(OutboundError) -> OutboundResponse {
        let transfer = try prepare(request, to: destination, sink: .collect(request.answer))
        defer { handles.give(back: transfer.handle) }
        let end = await withBodyWriter(of: request, transfer) {
            await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    transfer.waiter = continuation
                    loop.start(transfer)
                }
            } onCancel: {
                loop.cancel(transfer)
            }
        }
        if let error = end.error { throw error }
        let head = TransferHead(of: transfer).read()
        return OutboundResponse(
            head: head, body: transfer.body, bodyTruncated: end.truncated, timings: end.timings)
    }

    /// Sends one request and gives `body` the answer as soon as its headers are there; the bytes behind them come as
    /// they are asked for. The transfer ends with `body`, wherever it is then, and with the task's cancellation.
    ///
    /// Throws `OutboundError` where no answer came, and what `body` throws.
    /// - Parameter limit: of the answer's body in bytes; more is an error of the chunks.
    public func withResponse<Result>(
        to request: OutboundRequest, limit: Int64 = .max,
        _ body: (OutboundStreamedResponse) async throws -> Result
    ) async throws -> Result {
        var destinations = try await destinations(of: request)
        while destinations.count > 1 {
            do {
                return try await withResponse(to: request, at: destinations.removeFirst(), limit: limit, body)
            } catch let error as OutboundError where error.leavesRoom(for: request) {}
        }
        return try await withResponse(to: request, at: destinations.first, limit: limit, body)
    }

    private func withResponse<Result>(
        to request: OutboundRequest, at destination: ProxyDestination?, limit: Int64,
        _ body: (OutboundStreamedResponse) async throws -> Result
    ) async throws -> Result {
        let pipe = ResponsePipe(limit: limit)
        let transfer = try prepare(request, to: destination, sink: .stream(pipe))
        defer { handles.give(back: transfer.handle) }
        let result: Swift.Result<Result, any Error> = await withBodyWriter(of: request, transfer) {
            await withTaskCancellationHandler {
                loop.start(transfer)
                let result: Swift.Result<Result, any Error>
                do {
                    let head = try await pipe.head()
                    let chunks = OutboundResponseChunks(pipe: pipe, transfer: transfer, loop: loop)
                    result = .success(try await body(OutboundStreamedResponse(head: head.read(), chunks: chunks)))
                } catch {
                    result = .failure(error)
                }
                loop.cancel(transfer)
                _ = await pipe.end()
                return result
            } onCancel: {
                loop.cancel(transfer)
            }
        }
        return try result.get()
    }

    private func prepare(
        _ request: OutboundRequest, to destination: ProxyDestination?, sink: Transfer.Sink
    ) throws(OutboundError) -> Transfer {
        let source: Transfer.Source?
        do throws(FileFailure) {
            source = try Transfer.Source(request.body)
        } catch {
            throw OutboundError(.bodySource(error), words: "the request's body could not be read: \(error)")
        }
        guard let handle = handles.take() else { throw OutboundError(.failed, words: "no memory for a request") }
        let transfer = Transfer(
            handle: handle, request: request, sink: sink, source: source, usesProxy: usesProxy,
            destination: destination)
        do throws(OutboundError) {
            try transfer.configure(for: request, client: configuration)
        } catch {
            handles.give(back: handle)
            throw error
        }
        return transfer
    }

    private var usesProxy: Bool { configuration.proxy?.isEmpty == false }

    /// The proxy connects, so this side sees no socket to the peer that it could judge. Empty where it is not told where
    /// to; it tries one after another only if it is.
    private func destinations(of request: OutboundRequest) async throws(OutboundError) -> [ProxyDestination] {
        guard usesProxy, !request.egress.isUnrestricted else { return [] }
        guard configuration.proxyJudges else { return try await ProxyDestination.all(of: request, by: resolver) }
        try ProxyDestination.judgeLiteralAddress(in: request)
        return []
    }

    /// Runs the writer of a streamed body beside `operation`, and stops it with that.
    private func withBodyWriter<Result>(
        of request: OutboundRequest, _ transfer: Transfer, _ operation: () async -> Result
    ) async -> Result {
        guard case .stream(_, let write) = request.body.content, case .pipe(let pipe) = transfer.source else {
            return await operation()
        }
        return await withTaskGroup(of: Void.self) { [loop] group in
            group.addTask {
                let wake: @Sendable () -> Void = { loop.resume(transfer) }
                do {
                    try await write(OutboundBodyWriter(pipe: pipe, wake: wake))
                    pipe.finish(nil, wake: wake)
                } catch {
                    // A writer that stops because the request does is not what is wrong with the request.
                    if Task.isCancelled { loop.cancel(transfer) } else { pipe.finish(error, wake: wake) }
                }
            }
            let result = await operation()
            group.cancelAll()
            return result
        }
    }
}

extension OutboundError {
    /// Whether the proxy could not connect to one of the peer's addresses, nothing went out, and there is time and a body
    /// for another try at the next.
    fileprivate func leavesRoom(for request: OutboundRequest) -> Bool {
        guard case .connect = kind, stage == .connect, !isProxyFault, !requestMayHaveReachedPeer else { return false }
        if case .stream = request.body.content { return false }
        return timings.total < min(request.timeouts.connect, request.timeouts.total ?? request.timeouts.connect)
    }
}

extension Transfer.Source {
    /// Above this libcurl would hold a second copy of bytes for too long.
    private static let copied = 256 << 10

    /// Nil where libcurl gets the whole body at once.
    fileprivate init?(_ body: OutboundBody) throws(FileFailure) {
        switch body.content {
        case .none: return nil
        case .segments(let segments, _):
            if segments.count == 1, case .bytes(let bytes) = segments[0], bytes.count <= Self.copied { return nil }
            self = .segments(try SegmentReader(segments))
        case .stream(let length, _): self = .pipe(UploadPipe(length: length))
        }
    }
}
