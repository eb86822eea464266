public import CausewayCore
public import HTTPTypes

/// One request to another server.
public struct OutboundRequest: Sendable {
    public var method: HTTPRequest.Method
    /// `http://` or `https://`.
    public var url: String
    /// `Content-Length` and `Transfer-Encoding` follow from the body; they are let go here.
    public var headers: HTTPFields
    public var body: OutboundBody
    /// Sent as Basic authentication, and never to another host after a redirect.
    public var credentials: BasicCredentials?
    public var timeouts: Timeouts
    public var connection: ConnectionUse
    /// How many redirects are followed; 0 gives the redirect itself as the answer.
    public var redirects: Int
    public var egress: EgressPolicy
    public var answer: AnswerRule

    /// - Parameter egress: public addresses unless said otherwise, so that forgetting it is safe.
    public init(
        _ method: HTTPRequest.Method = .get, _ url: String, headers: HTTPFields = [:], body: OutboundBody = .none,
        credentials: BasicCredentials? = nil, timeouts: Timeouts = Timeouts(), connection: ConnectionUse = .reusable,
        redirects: Int = 0, egress: EgressPolicy = .publicOnly, answer: AnswerRule = .whole(upTo: 1 << 20)
    ) {
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.credentials = credentials
        self.timeouts = timeouts
        self.connection = connection
        self.redirects = redirects
        self.egress = egress
        self.answer = answer
    }

    public struct BasicCredentials: Hashable, Sendable {
        public var user: Secret
        public var password: Secret

        public init(user: Secret, password: Secret) {
            self.user = user
            self.password = password
        }
    }

    /// Times in milliseconds; nil is without end.
    public struct Timeouts: Hashable, Sendable {
        /// For name, connection and TLS together.
        public var connect: Duration
        /// From the start to the last byte of the answer, pauses of a slow reader and of a slow source included.
        public var total: Duration?
        /// How long nothing may move in either direction while it is the peer's turn; noticed up to 0.3 s late. A peer
        /// that has the whole of an upload may think about it until `total`, where there is one.
        public var stall: Duration?

        public init(connect: Duration = .seconds(10), total: Duration? = .seconds(60), stall: Duration? = nil) {
            self.connect = connect
            self.total = total
            self.stall = stall
        }
    }

    public enum ConnectionUse: Hashable, Sendable {
        /// A kept connection where there is one. When it turns out to be dead, libcurl sends the request again on
        /// another, so it can arrive twice: only for what may.
        case reusable
        /// A connection of its own, closed afterwards: the request goes out at most once, whatever happens.
        case fresh
    }

    /// What is taken of the answer's body; streamed answers have no other rule than their limit.
    public enum AnswerRule: Hashable, Sendable {
        /// All of it; more bytes than this, or an end before the end, is an error.
        case whole(upTo: Int)
        /// As many bytes as came, up to these: the limit, a time-out or a cut once the status is known makes a
        /// truncated answer, not an error, and stops the transfer.
        case beginning(upTo: Int)

        /// In bytes.
        public var limit: Int {
            switch self {
            case .whole(let limit), .beginning(let limit): limit
            }
        }
    }
}
