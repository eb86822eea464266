import CausewayCore
import HTTPTypes
import Hummingbird
import Logging

enum RequestKind: IdentifierKind { static let prefix = "req" }

extension HTTPField.Name {
    static let requestID = Self(validated: "X-Request-Id")
    static let idempotencyKey = Self(validated: "Idempotency-Key")
    static let idempotencyReplayed = Self(validated: "Idempotency-Replayed")
    static let retryAfter = Self(validated: "Retry-After")
    /// RFC 9530
    static let contentDigest = Self(validated: "Content-Digest")
    static let reprDigest = Self(validated: "Repr-Digest")

    private init(validated name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = field
    }
}

/// Outermost: gives each request its id, answers it, and writes one line when it is over.
struct RequestLog: RouterMiddleware {
    let time: any TimeSource
    let logger: Logger

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = accepted(request.headers[.requestID]) ?? Identifier<RequestKind>(at: time.now()).text
        context.logger = logger
        context.logger[metadataKey: "request_id"] = "\(context.requestID)"
        let start = ContinuousClock.now
        var response = try await next(request, context)
        response.headers[.requestID] = context.requestID
        let isNoise = ["/healthz", "/readyz", "/metrics"].contains(request.uri.path)
        context.logger.log(
            level: isNoise ? .debug : .info, "request",
            metadata: [
                "method": "\(request.method)", "path": "\(LoggedPath.of(request.uri.path))",
                "status": "\(response.status.code)",
                "ms": "\((ContinuousClock.now - start).wholeMilliseconds)",
                "from": "\(context.remoteAddress ?? "-")",
            ])
        return response
    }

    /// Visible ASCII without quotes, 128 characters at most: nothing that could forge a log line.
    private func accepted(_ text: String?) -> String? {
        guard let text, (1...128).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x22 && $0 != 0x5C })
        else { return nil }
        return text
    }
}

/// A path as it may be logged: the vendor's way in carries a secret token.
enum LoggedPath {
    static func of(_ path: String) -> String {
        let segments = path.prefix(500).split(separator: "/", omittingEmptySubsequences: false)
        guard let hooks = segments.firstIndex(where: { $0.lowercased() == "hooks" }) else {
            return segments.joined(separator: "/")
        }
        return segments[...min(hooks + 1, segments.count - 1)].joined(separator: "/") + "/…"
    }
}
