import CausewayCore
import HTTPTypes
import Hummingbird
import Logging
import NIOHTTP1
import Storage

/// Turns whatever a route threw into a problem. What is nobody's fault but ours is logged, and the caller is told
/// nothing of its inside.
struct Problems: RouterMiddleware {
    let table: RouteTable

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch {
            return problem(for: error, request, context).response(requestID: context.requestID)
        }
    }

    private func problem(for error: any Error, _ request: Request, _ context: APIContext) -> Problem {
        switch error {
        case let problem as Problem: return problem
        case StorageError.full:
            context.logger.critical("the disk is full")
            return Problem(
                .init(code: 507, reasonPhrase: "Insufficient Storage"), code: "storage_full",
                detail: "The disk is full: nothing was changed. Try again when there is room.")
        case StorageError.busy, StorageError.conflict, StorageError.connectionLost(commitSent: false):
            context.logger.error("the store did not answer", metadata: ["error": "\(error)"])
            var problem = Problem(
                .serviceUnavailable, code: "storage_unavailable",
                detail: "The store does not answer: nothing was changed. Try again.")
            problem.headers[.retryAfter] = "1"
            return problem
        case StorageError.connectionLost(commitSent: true):
            context.logger.error("the store's answer to a change was lost")
            return Problem(
                .serviceUnavailable, code: "outcome_unknown",
                detail: """
                    The store's answer was lost: nobody knows whether the change was made. Look before you send it \
                    again; with the same Idempotency-Key it can be sent again as it is.
                    """)
        case StorageError.textNotStorable:
            return Problem(
                .unprocessableContent, code: "invalid_character",
                detail: "A text in the request holds U+0000, which cannot be stored. Take it out.")
        case let error as any HTTPResponseError where error.status == .notFound:
            return notFound(request)
        case let error as any HTTPResponseError:
            return Problem(error.status, code: "bad_request", detail: "The request cannot be understood.")
        case is HTTPParserError:
            return Problem(.badRequest, code: "bad_request", detail: "The request is not HTTP.")
        default:
            if error is CancellationError {
                return Problem(.serviceUnavailable, code: "stopping", detail: "The gateway is stopping. Try again.")
            }
            context.logger.error("a request failed", metadata: ["error": "\(error)"])
            return Problem(
                .internalServerError, code: "internal_error",
                detail: "Something went wrong here. The log has it under this request id.")
        }
    }

    /// No route: 405 where the path is served with other methods.
    private func notFound(_ request: Request) -> Problem {
        let methods = table.methods(for: request.uri.path)
        guard !methods.isEmpty else {
            return Problem(
                .notFound, code: "not_found", detail: "There is nothing at this path; /openapi.yaml lists all there is."
            )
        }
        let allowed = methods.map(\.rawValue).joined(separator: ", ")
        var problem = Problem(
            .methodNotAllowed, code: "method_not_allowed", detail: "This path takes \(allowed).")
        problem.headers[.allow] = allowed
        return problem
    }
}
