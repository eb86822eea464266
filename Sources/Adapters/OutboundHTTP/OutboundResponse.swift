public import HTTPTypes

/// Status and headers of an answer.
public struct OutboundResponseHead: Hashable, Sendable {
    public var status: HTTPResponse.Status
    public var headers: HTTPFields
    public var version: HTTPVersion
    /// The address of the peer, as it was connected to.
    public var remoteAddress: String?

    public enum HTTPVersion: String, Hashable, Sendable {
        case http1_0 = "HTTP/1.0"
        case http1_1 = "HTTP/1.1"
        case http2 = "HTTP/2"
        case http3 = "HTTP/3"
    }
}

/// A collected answer.
public struct OutboundResponse: Hashable, Sendable {
    public var head: OutboundResponseHead
    public var body: [UInt8]
    /// The body had more, or ended before its end: only under `AnswerRule.beginning`.
    public var bodyTruncated: Bool
    public var timings: TransferTimings

    public var status: HTTPResponse.Status { head.status }
    public var headers: HTTPFields { head.headers }
}

/// When each step of a transfer was done, counted from its start. A step that was not reached, or not needed on a kept
/// connection, is nil.
public struct TransferTimings: Hashable, Sendable {
    public var resolved: Duration?
    public var connected: Duration?
    public var secured: Duration?
    public var firstByte: Duration?
    public var total: Duration = .zero

    public init() {}
}
