/// Why a request gave no answer, or no whole one.
public struct OutboundError: Error, Sendable, CustomStringConvertible {
    public var kind: Kind
    public var stage: Stage
    /// False only where it is certain that not one byte of the request went out: then sending it again cannot do
    /// anything twice.
    public var requestMayHaveReachedPeer: Bool
    /// For people; holds no header, body or credential.
    public var words: String
    /// Set where the peer had answered with at least its headers.
    public var head: OutboundResponseHead?
    public var remoteAddress: String?
    public var timings: TransferTimings
    /// The proxy could not be reached or did not let us in: it says nothing about the peer.
    public var isProxyFault = false

    init(
        _ kind: Kind, stage: Stage = .resolve, requestMayHaveReachedPeer: Bool = false, words: String,
        head: OutboundResponseHead? = nil, remoteAddress: String? = nil, timings: TransferTimings = TransferTimings()
    ) {
        self.kind = kind
        self.stage = stage
        self.requestMayHaveReachedPeer = requestMayHaveReachedPeer
        self.words = words
        self.head = head
        self.remoteAddress = remoteAddress
        self.timings = timings
    }

    /// What was going on.
    public enum Stage: String, Hashable, Sendable, CaseIterable {
        case resolve, connect, tls, send, wait, receive
    }

    public enum Kind: Sendable {
        case timeout(TimeLimit)
        /// The name has no address.
        case resolve
        /// Refused, unreachable, or a proxy that will not.
        case connect
        /// No agreement on a secure connection, or a certificate that is not trusted.
        case tls
        /// The peer closed or reset the connection before the answer was complete.
        case reset
        /// What came is not HTTP as it should be, or too many redirects.
        case protocolViolation
        case egressDenied(EgressPolicy.Denial)
        /// The answer passed a limit.
        case tooLarge(Part)
        /// The request's own body could not be read.
        case bodySource(any Error)
        /// The URL, a header or a setting is not one that can be sent.
        case invalidRequest
        /// The task was cancelled.
        case cancelled
        /// The loop is not running, or was stopped.
        case stopped
        /// Memory, or libcurl's own trouble.
        case failed
    }

    public enum TimeLimit: String, Hashable, Sendable { case connect, total, stall }

    public enum Part: String, Hashable, Sendable { case head, body }

    public var description: String { "\(kind.name) (\(stage.rawValue)): \(words)" }
}

extension OutboundError.Kind {
    /// One word for logs.
    public var name: String {
        switch self {
        case .timeout: "timeout"
        case .resolve: "resolve"
        case .connect: "connect"
        case .tls: "tls"
        case .reset: "reset"
        case .protocolViolation: "protocol"
        case .egressDenied: "egress_denied"
        case .tooLarge: "too_large"
        case .bodySource: "body_source"
        case .invalidRequest: "invalid_request"
        case .cancelled: "cancelled"
        case .stopped: "stopped"
        case .failed: "failed"
        }
    }

    /// Whether the peer or the way to it is the cause, and not this side (cancelled, stopped, its own body, its own
    /// memory, a request that cannot be sent).
    public var isAboutPeer: Bool {
        switch self {
        case .timeout, .resolve, .connect, .tls, .reset, .protocolViolation, .egressDenied, .tooLarge: true
        case .bodySource, .invalidRequest, .cancelled, .stopped, .failed: false
        }
    }
}
