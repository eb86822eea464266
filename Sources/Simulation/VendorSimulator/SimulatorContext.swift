import Hummingbird
import NIOCore
import NIOHTTPTypes

/// A request with the connection it came on, which faults close.
struct SimulatorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        self.coreContext = .init(source: source)
        self.channel = source.channel
    }

    var client: String { channel.remoteAddress?.ipAddress ?? "unknown" }

    /// Closes the connection as a machine that died would; nothing more can be written.
    func hangUp() async -> HangUp {
        try? await channel.close(mode: .all)
        return HangUp()
    }

    /// The same, once all that was written has left.
    func hangUpAfterWriting() async -> HangUp {
        try? await channel.writeAndFlush(HTTPResponsePart.body(ByteBuffer()))
        return await hangUp()
    }
}

/// Thrown where no answer must be written.
struct HangUp: Error {}
