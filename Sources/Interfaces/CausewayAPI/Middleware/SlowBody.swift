import HTTPTypes
public import NIOCore
public import NIOHTTPTypes

/// Closes a connection whose peer sends a body so slowly that it will not end: a byte now and then keeps it from being
/// idle, and what it holds, the connection, the file and the memory, from being freed.
public final class SlowBody: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = HTTPRequestPart
    public typealias InboundOut = HTTPRequestPart

    private let minimum: Int
    private let window: TimeAmount
    /// In this window, of the body that is being received.
    private var received = 0
    private var watch: Scheduled<Void>?

    /// - Parameter minimum: bytes that a body brings at least in each `window`, until it is whole.
    public init(minimum: Int = 4 << 10, window: TimeAmount = .seconds(75)) {
        self.minimum = minimum
        self.window = window
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            let fields = head.headerFields
            if fields[.transferEncoding] != nil || fields[.contentLength] ?? "0" != "0" { begin(context) }
        case .body(let buffer): received += buffer.readableBytes
        case .end: end()
        }
        context.fireChannelRead(data)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        end()
        context.fireChannelInactive()
    }

    public func handlerRemoved(context: ChannelHandlerContext) { end() }

    private func begin(_ context: ChannelHandlerContext) {
        received = 0
        watch = context.eventLoop.assumeIsolated().scheduleTask(in: window) { [self] in
            watch = nil
            if received < minimum { context.close(promise: nil) } else { begin(context) }
        }
    }

    private func end() {
        watch?.cancel()
        watch = nil
    }
}

@available(*, unavailable)
extension SlowBody: Sendable {}
