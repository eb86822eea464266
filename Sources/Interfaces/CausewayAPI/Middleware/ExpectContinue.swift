import HTTPTypes
import Hummingbird
import NIOCore
import NIOHTTPTypes

/// Answers `Expect: 100-continue` at the moment the route begins to read the body. A route that refuses first (no
/// key, no scope, too large) so spares the caller the sending; curl would otherwise wait a whole second.
struct ExpectContinue: RouterMiddleware {
    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let expectation = request.headers[.expect] else { return try await next(request, context) }
        guard expectation.lowercased() == "100-continue" else {
            throw Problem(
                .expectationFailed, code: "expectation_failed", detail: "`Expect` may only be 100-continue.")
        }
        var request = request
        request.body = RequestBody(asyncSequence: AnnouncedBody(body: request.body, channel: context.channel))
        return try await next(request, context)
    }
}

/// A body that sends `100 Continue` before its first part is read.
private struct AnnouncedBody: AsyncSequence, Sendable {
    let body: RequestBody
    let channel: any Channel

    struct AsyncIterator: AsyncIteratorProtocol {
        var parts: RequestBody.AsyncIterator
        let channel: any Channel
        var isAnnounced = false

        @concurrent mutating func next() async throws -> ByteBuffer? {
            if !isAnnounced {
                isAnnounced = true
                try await channel.writeAndFlush(HTTPResponsePart.head(HTTPResponse(status: .continue)))
            }
            return try await parts.next()
        }
    }

    func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(parts: body.makeAsyncIterator(), channel: channel)
    }
}
