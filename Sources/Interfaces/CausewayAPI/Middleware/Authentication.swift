import Access
import CausewayCore
import Foundation
import HTTPTypes
import Hummingbird
import Logging

/// Who calls `/v1`: a key as a Bearer token, or as the password of Basic (the user name is not looked at).
struct Authentication: RouterMiddleware {
    let keys: KeyOperations

    @concurrent func handle(
        _ request: Request, context: APIContext, next: @concurrent (Request, APIContext) async throws -> Response
    ) async throws -> Response {
        guard let text = Self.key(in: request.headers[.authorization]) else {
            throw Self.unauthorized(
                "Send a key: `Authorization: Bearer KEY`, or with curl `-u :KEY`.")
        }
        guard let caller = try await keys.authenticate(text) else {
            throw Self.unauthorized("This key is unknown, revoked or expired.")
        }
        var context = context
        context.caller = caller
        context.logger[metadataKey: "caller"] = "\(caller.id)"
        return try await next(request, context)
    }

    static func key(in header: String?) -> String? {
        guard let header, let space = header.firstIndex(of: " ") else { return nil }
        let rest = header[header.index(after: space)...].trimmingCharacters(in: .whitespaces)
        switch header[..<space].lowercased() {
        case "bearer": return rest.isEmpty ? nil : rest
        case "basic":
            guard let data = Data(base64Encoded: rest), let pair = String(bytes: data, encoding: .utf8),
                let colon = pair.firstIndex(of: ":")
            else { return nil }
            let password = pair[pair.index(after: colon)...]
            return password.isEmpty ? nil : String(password)
        default: return nil
        }
    }

    static func unauthorized(_ detail: String) -> Problem {
        var problem = Problem(.unauthorized, code: "unauthorized", detail: detail)
        problem.headers[.wwwAuthenticate] = "Bearer realm=\"causeway\", Basic realm=\"causeway\", charset=\"UTF-8\""
        return problem
    }
}
