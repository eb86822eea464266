import HTTPTypes
public import NIOCore
public import NIOHTTPTypes

/// Bounds what is read of a body that was answered before its end: refused, say, for its size or its rows.
///
/// The server below would read such a body to its end, for a keep-alive connection's sake, however long it is. Here it is
/// thrown away; where it is more than a little, the answer says `Connection: close`, and the connection is closed once
/// the peer has had time to read the answer (closed at once, with bytes unread, the system would reset the connection
/// and the answer be lost on its way).
public final class EarlyAnswer: ChannelDuplexHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart
    public typealias OutboundIn = HTTPResponsePart
    public typealias OutboundOut = HTTPResponsePart

    /// A body that is known to have no more is read to its end, and the connection used on.
    static let littleBody: Int64 = 64 << 10
    /// Bytes that are still read after the answer.
    private let drainLimit: Int
    /// How long they may take.
    private let drainTime: TimeAmount

    private enum Place {
        case betweenRequests
        /// - Parameter rest: of the body; nil where its length is not known.
        case inBody(rest: Int64?)
        /// Answered, and the peer still sends.
        case draining(left: Int, thenClose: Bool)
    }
    private var place = Place.betweenRequests
    private var isClosing = false
    private var deadline: Scheduled<Void>?

    public init(drainLimit: Int = 16 << 20, drainTime: TimeAmount = .seconds(3)) {
        self.drainLimit = drainLimit
        self.drainTime = drainTime
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch (unwrapInboundIn(data), place) {
        case (.head(let head), _):
            let isChunked = head.headerFields[.transferEncoding] != nil
            place = .inBody(rest: isChunked ? nil : Int64(head.headerFields[.contentLength] ?? "0"))
            context.fireChannelRead(data)
        case (.body(let buffer), .inBody(let rest)):
            place = .inBody(rest: rest.map { $0 - Int64(buffer.readableBytes) })
            context.fireChannelRead(data)
        case (.body(let buffer), .draining(let left, let thenClose)):
            guard left > buffer.readableBytes else { return close(context) }
            place = .draining(left: left - buffer.readableBytes, thenClose: thenClose)
        case (.end, .draining(_, thenClose: true)):
            close(context)
        case (.end, _):
            deadline?.cancel()
            place = .betweenRequests
            context.fireChannelRead(data)
        case (.body, .betweenRequests):
            context.fireChannelRead(data)
        }
    }

    public func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .inBody(let rest) = place else { return context.write(data, promise: promise) }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.kind != .informational:
            isClosing = rest.map { $0 > Self.littleBody } ?? true
            if isClosing { head.headerFields[.connection] = "close" }
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .end:
            place = .draining(left: drainLimit, thenClose: isClosing)
            deadline = context.eventLoop.assumeIsolated().scheduleTask(in: drainTime) { [self] in close(context) }
            context.writeAndFlush(data, promise: promise)
        default:
            context.write(data, promise: promise)
        }
    }

    public func channelInactive(context: ChannelHandlerContext) {
        deadline?.cancel()
        context.fireChannelInactive()
    }

    public func handlerRemoved(context: ChannelHandlerContext) { deadline?.cancel() }

    private func close(_ context: ChannelHandlerContext) {
        deadline?.cancel()
        guard case .draining = place else { return }
        place = .betweenRequests
        context.close(promise: nil)
    }
}

@available(*, unavailable)
extension EarlyAnswer: Sendable {}
