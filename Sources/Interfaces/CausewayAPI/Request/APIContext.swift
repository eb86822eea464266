public import Access
import HTTPTypes
public import Hummingbird
import Logging
import NIOCore

/// What a request carries through the middleware to its route.
public struct APIContext: RequestContext {
    public var coreContext: CoreRequestContextStorage
    /// Taken from `X-Request-Id`, or made.
    public var requestID = ""
    /// Set where the route needs a key.
    public var caller: Caller?
    /// The peer's address without its port; nil in tests without a socket.
    public let remoteAddress: String?
    let channel: any Channel

    public init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
        remoteAddress = source.channel.remoteAddress?.ipAddress
    }

    /// Who calls. Routes that ask are behind `Authentication`.
    func requireCaller() throws -> Caller {
        guard let caller else {
            throw Problem(.unauthorized, code: "unauthorized", detail: "This call needs a key.")
        }
        return caller
    }

    /// Refuses a caller without `scope`.
    func require(_ scope: Scope) throws {
        guard try requireCaller().may(scope) else { throw Problem.missingScope(scope) }
    }
}

extension Problem {
    static func missingScope(_ scope: Scope) -> Problem {
        Problem(
            .forbidden, code: "missing_scope",
            detail: "This call needs a key with the scope `\(scope.name)`; `GET /v1/whoami` shows what yours has.")
    }
}
