import CCurl

/// How a transfer ended.
struct TransferEnd: Sendable {
    /// Who ended it.
    enum Cause: Sendable {
        case curl(CURLcode)
        case overdue(OutboundError.TimeLimit)
        case cancelled
        case stopped
    }

    /// Nil where the answer is complete, or as complete as was asked for.
    var error: OutboundError?
    var truncated = false
    var timings: TransferTimings

    init(of transfer: Transfer, cause: Cause) {
        timings = TransferTimings(transfer)
        guard let failure = Self.failure(of: transfer, cause: cause) else { return }
        let headCame = transfer.head.isFinal(followingRedirects: transfer.redirects > 0)
        if case .collect(.beginning) = transfer.sink, headCame, failure.kind.endsOnlyTheBody {
            truncated = true
            return
        }
        var error = OutboundError(
            failure.kind, stage: Self.stage(of: transfer), requestMayHaveReachedPeer: transfer.timesSent > 0,
            words: failure.words, timings: timings)
        if case .curl(let code) = cause { error.isProxyFault = Self.isProxyFault(code, of: transfer) }
        if headCame {
            let head = TransferHead(of: transfer)
            error.head = head.read()
            error.remoteAddress = head.remoteAddress
        } else if transfer.socketsOpened + transfer.timesSent > 0 {
            error.remoteAddress = transfer.remoteAddress
        }
        self.error = error
    }

    private static func failure(of transfer: Transfer, cause: Cause) -> (kind: OutboundError.Kind, words: String)? {
        switch cause {
        case .cancelled: return (.cancelled, "cancelled")
        case .stopped: return (.stopped, "the outbound loop was stopped")
        case .overdue(let limit): return (.timeout(limit), limit.words(transfer.timeouts))
        case .curl(let code):
            if case .failure(let kind) = transfer.verdict {
                return (kind, kind.ownWords ?? transfer.handle.words(code))
            }
            if case .enough = transfer.verdict { return (.tooLarge(.body), "") }
            if code == CURLE_OK { return nil }
            // Refused addresses look to libcurl like sockets that could not be opened.
            if code == CURLE_COULDNT_CONNECT, transfer.socketsOpened == 0, let denial = transfer.denial {
                return (.egressDenied(denial), denial.description)
            }
            let kind = OutboundError.Kind(code, of: transfer)
            return (kind, kind.ownWords ?? transfer.handle.words(code))
        }
    }

    private static func isProxyFault(_ code: CURLcode, of transfer: Transfer) -> Bool {
        guard transfer.usesProxy, !transfer.isSent else { return false }
        // What it answers to CONNECT is about the peer, unless (407) it wants to know who we are.
        if transfer.proxyStatus > 0 { return transfer.proxyStatus == 407 }
        switch code {
        // A connection of its own is only made to the proxy.
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_PROXY, CURLE_COULDNT_CONNECT: return true
        case CURLE_OPERATION_TIMEDOUT: return !transfer.isConnected
        // Hung up on CONNECT.
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR: return transfer.isConnected
        default: return false
        }
    }

    /// From what is known to have happened, not from the error's name: many of libcurl's codes fit several stages.
    private static func stage(of transfer: Transfer) -> OutboundError.Stage {
        if transfer.isSent {
            if transfer.head.status > 0 { return .receive }
            return transfer.hasSentAll ? .wait : .send
        }
        if transfer.isConnected {
            let url = transfer.handle.easy.text(CURLINFO_EFFECTIVE_URL)
            let isThrough = !transfer.usesProxy || (200..<300).contains(transfer.proxyStatus)
            return isThrough && url?.prefix(6).lowercased() == "https:" ? .tls : .connect
        }
        let resolved = transfer.socketsOpened > 0 || transfer.denial != nil
        return resolved || transfer.handle.easy.offset(CURLINFO_NAMELOOKUP_TIME_T) > 0 ? .connect : .resolve
    }
}

extension Transfer {
    /// Whether libcurl has written out the whole request.
    var hasSentAll: Bool {
        switch source {
        case nil:
            let length = handle.bodyLength
            return length == 0 || handle.easy.offset(CURLINFO_SIZE_UPLOAD_T) >= length
        case .segments(let reader):
            return bodySent && handle.easy.offset(CURLINFO_SIZE_UPLOAD_T) >= reader.length
        case .pipe:
            return bodySent
        }
    }

    /// What a proxy answered to CONNECT; 0 where it was not asked, or has not answered.
    fileprivate var proxyStatus: Int { handle.easy.number(CURLINFO_HTTP_CONNECTCODE) }

    /// Which of libcurl's time limits it was.
    fileprivate var passedLimit: OutboundError.TimeLimit {
        guard !isSent else { return .total }
        guard let total = timeouts.total else { return .connect }
        let passed = handle.easy.offset(CURLINFO_TOTAL_TIME_T) + spent.wholeMicroseconds
        return passed >= total.wholeMicroseconds ? .total : .connect
    }
}

extension OutboundError.Kind {
    fileprivate init(_ code: CURLcode, of transfer: Transfer) {
        switch code {
        case CURLE_OPERATION_TIMEDOUT: self = .timeout(transfer.passedLimit)
        case CURLE_COULDNT_RESOLVE_HOST: self = .resolve
        case CURLE_COULDNT_RESOLVE_PROXY, CURLE_COULDNT_CONNECT, CURLE_PROXY, CURLE_INTERFACE_FAILED: self = .connect
        case CURLE_SSL_CONNECT_ERROR, CURLE_PEER_FAILED_VERIFICATION, CURLE_SSL_CIPHER, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_ISSUER_ERROR, CURLE_SSL_CRL_BADFILE, CURLE_SSL_INVALIDCERTSTATUS,
            CURLE_SSL_ENGINE_INITFAILED, CURLE_USE_SSL_FAILED, CURLE_SSL_PINNEDPUBKEYNOTMATCH:
            self = .tls
        case CURLE_GOT_NOTHING, CURLE_SEND_ERROR, CURLE_RECV_ERROR, CURLE_PARTIAL_FILE:
            self = transfer.isSent ? .reset : .connect
        // After the first answer it is HTTP 0.9, or where a redirect leads to.
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_URL_MALFORMAT:
            self = transfer.timesSent > 0 ? .protocolViolation : .invalidRequest
        case CURLE_BAD_FUNCTION_ARGUMENT, CURLE_LOGIN_DENIED: self = .invalidRequest
        case CURLE_HTTP2, CURLE_HTTP2_STREAM, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING,
            CURLE_TOO_MANY_REDIRECTS, CURLE_SEND_FAIL_REWIND, CURLE_HTTP3, CURLE_CHUNK_FAILED:
            self = .protocolViolation
        // libcurl's own limit of one header line, which it takes for a lack of memory.
        case CURLE_OUT_OF_MEMORY where transfer.isSent && !transfer.head.isComplete: self = .tooLarge(.head)
        // Whatever else the answer brought about is about the peer.
        default: self = transfer.isSent ? .protocolViolation : .failed
        }
    }

    /// Whether an answer whose status is known may still be one under this failure.
    fileprivate var endsOnlyTheBody: Bool {
        switch self {
        case .timeout, .reset, .protocolViolation, .tooLarge(.body), .tls: true
        default: false
        }
    }

    fileprivate var ownWords: String? {
        switch self {
        case .egressDenied(let denial): denial.description
        case .tooLarge(.head): "the answer's headers, or one of them, are too long"
        case .tooLarge(.body): "the answer is longer than was asked for"
        case .bodySource(let error): "the request's body could not be read: \(error)"
        default: nil
        }
    }
}

extension OutboundError.TimeLimit {
    fileprivate func words(_ timeouts: OutboundRequest.Timeouts) -> String {
        switch self {
        case .connect: "no connection within \(timeouts.connect)"
        case .total: "no whole answer within \(timeouts.total ?? .zero)"
        case .stall: "nothing moved for \(timeouts.stall ?? .zero)"
        }
    }
}

extension TransferTimings {
    init(_ transfer: Transfer) {
        func step(_ info: CURLINFO) -> Duration? {
            let time = transfer.handle.easy.offset(info)
            return time > 0 ? .microseconds(time) + transfer.spent : nil
        }
        resolved = transfer.destination?.lookup ?? step(CURLINFO_NAMELOOKUP_TIME_T)
        connected = step(CURLINFO_CONNECT_TIME_T)
        secured = step(CURLINFO_APPCONNECT_TIME_T)
        firstByte = step(CURLINFO_STARTTRANSFER_TIME_T)
        total = transfer.duration
    }
}

extension Duration {
    var wholeMicroseconds: Int64 {
        let (seconds, attoseconds) = components
        return seconds * 1_000_000 + attoseconds / 1_000_000_000_000
    }
}
