import CausewayCore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// What every call to the vendor's API passes: it is counted, meets its fault, the budget and the credentials.
struct VendorGate: Sendable {
    let account: Account

    /// Serves one call. `answer` acts and gives what the vendor says; a fault may keep it from acting, or garble or
    /// swallow what it says.
    func serve(
        _ route: String, _ request: Request, _ context: SimulatorContext,
        answer: () async throws -> VendorAnswer
    ) async throws -> Response {
        let fault = account.change { state, _ in
            state.requests[route, default: 0] += 1
            let fault = state.strike(Fault.Kind.requests, route: route)
            if let fault { state.tell("\(route): fault \(fault.kind.rawValue) strikes") }
            return fault
        }
        if let fault, let early = try await strikeBefore(fault, request, context) { return early.response() }
        let real: VendorAnswer
        do {
            try admit(request, context)
            real = try await answer()
        } catch let refusal as VendorRefusal {
            real = VendorAnswer(refusal)
        }
        guard let fault else { return real.response() }
        return try await strikeAfter(fault, real, context)
    }

    private func admit(_ request: Request, _ context: SimulatorContext) throws(VendorRefusal) {
        try account.change { state, now throws(VendorRefusal) in
            try state.admit(from: context.client, at: now)
            let known = Self.credentials(of: request).map { user, password in
                state.options.credentials[user].map { Secret($0).matches(password) } ?? false
            }
            if known != true {
                state.tell("\(request.method) \(request.uri.path): credentials missing or wrong")
                throw VendorRefusal(401, "Unauthorized")
            }
        }
    }

    /// User and password of Basic auth.
    static func credentials(of request: Request) -> (String, String)? {
        guard let header = request.headers[.authorization], header.lowercased().hasPrefix("basic "),
            let data = Data(base64Encoded: header.dropFirst(6).trimmed),
            let text = String(data: data, encoding: .utf8)
        else { return nil }
        let pair = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return pair.count == 2 ? (pair[0], pair[1]) : nil
    }

    /// What a fault does before the call is acted upon; nil where it is.
    private func strikeBefore(
        _ fault: Fault, _ request: Request, _ context: SimulatorContext
    ) async throws -> VendorAnswer? {
        switch fault.kind {
        case .closeBeforeBody: throw await context.hangUp()
        case .closeInBody, .stallInBody:
            var received = 0
            for try await buffer in request.body {
                received += buffer.readableBytes
                if received >= fault.afterBytes ?? 1 { break }
            }
            if fault.kind == .stallInBody { try await account.time.sleep(for: fault.delay) }
            throw await context.hangUp()
        case .rateLimited:
            return VendorAnswer(
                message: fault.message ?? "Too many requests", status: 429, retryAfter: fault.retryAfter)
        case .status where !fault.processed: return said(by: fault)
        default: return nil
        }
    }

    private func said(by fault: Fault) -> VendorAnswer {
        VendorAnswer(
            message: fault.message ?? HTTPResponse.Status(code: fault.status).reasonPhrase, status: fault.status,
            retryAfter: fault.retryAfter)
    }

    private func strikeAfter(
        _ fault: Fault, _ real: VendorAnswer, _ context: SimulatorContext
    ) async throws -> Response {
        let text = real.body.text
        switch fault.kind {
        case .dropAnswer: throw await context.hangUp()
        case .delay:
            try await account.time.sleep(for: fault.delay)
            return real.response()
        case .status: return said(by: fault).response()
        case .notJSON: return .text("<html><body><h1>It works!</h1></body></html>", type: "text/html")
        case .truncatedJSON: return .text(String(text.prefix(text.count / 2)), type: "application/json")
        case .noData:
            return VendorAnswer(message: real.body["message"]?.string ?? "", status: 200).response()
        case .cutAnswer:
            let bytes = ByteBuffer(string: String(text.prefix(fault.afterBytes ?? text.count / 2)))
            return Response(
                status: .init(code: real.status), headers: [.contentType: "application/json"],
                body: ResponseBody(contentLength: text.utf8.count) { writer in
                    try await writer.write(bytes)
                    throw await context.hangUpAfterWriting()
                })
        default: return real.response()
        }
    }

    /// The JSON object of a request's body.
    func members(of request: Request) async throws -> [String: JSONValue] {
        let type = request.headers[.contentType]?.split(separator: ";").first?.trimmed.lowercased()
        guard type == "application/json" else { throw VendorRefusal(400, "Content-Type must be application/json") }
        guard let buffer = try? await request.body.collect(upTo: 1 << 20),
            let members = try? JSONValue(parsing: String(buffer: buffer)).object
        else { throw VendorRefusal(400, "The body is not a JSON object") }
        return members
    }
}
