import CausewayCore
import Foundation
import HTTPTypes
import Logging
import OutboundHTTP

/// The gateway's HTTP API, as a client command calls it.
struct GatewayClient: Sendable {
    let address: String
    /// Of whoever tries again where no answer comes; from the first that did not.
    let patience: Patience
    private let key: Secret
    private let http: OutboundHTTPClient

    /// Runs `body` with a client whose loop ends with it.
    /// - Parameters:
    ///   - retryFor: how long a gateway is tried again that does not answer.
    ///   - told: is given a line for people when that begins.
    static func with<Result>(
        _ address: String, key: Secret, retryFor: Duration, told: @escaping @Sendable (String) -> Void,
        _ body: (GatewayClient) async throws -> Result
    ) async throws -> Result {
        let loop = CurlMultiLoop(logger: Logger(label: "client") { _ in SwiftLogNoOpLogHandler() })
        try loop.start()
        let client = GatewayClient(
            address: address, key: key, patience: Patience(address, limit: retryFor, tell: told),
            http: OutboundHTTPClient(loop: loop, configuration: .init(userAgent: ProductVersion.userAgent)))
        let result: Swift.Result<Result, any Error>
        do {
            result = .success(try await body(client))
        } catch {
            result = .failure(error)
        }
        await loop.stop()
        return try result.get()
    }

    private init(address: String, key: Secret, patience: Patience, http: OutboundHTTPClient) {
        self.address = address
        self.patience = patience
        self.key = key
        self.http = http
    }

    /// Throws `OutboundError` where no answer came, and `GatewayRefusal` for any that is not 2xx.
    func get(_ path: String, patience: Duration = .seconds(30)) async throws -> JSONValue {
        try await answer(request(.get, path, patience: patience))
    }

    /// Throws like `get`.
    func post(_ path: String, _ body: JSONValue, idempotencyKey: String) async throws -> JSONValue {
        var request = request(.post, path)
        request.headers[.contentType] = "application/json"
        request.headers[.idempotencyKey] = idempotencyKey
        request.body = .text(body.text)
        return try await answer(request)
    }

    /// Sends a request, whose body may take as long as it moves, at most once, and returns whatever is answered. Throws
    /// `OutboundError`, and what the body throws.
    func send(
        _ method: HTTPRequest.Method, _ path: String, headers: HTTPFields = [:], _ body: OutboundBody = .none,
        within limit: Duration? = nil
    ) async throws -> OutboundResponse {
        var request = request(method, path)
        for field in headers { request.headers[field.name] = field.value }
        request.body = body
        request.timeouts = .init(total: limit, stall: .seconds(300))
        request.connection = .fresh
        do {
            return try await http.send(request)
        } catch {
            if case .bodySource(let reason) = error.kind { throw reason }
            throw error
        }
    }

    /// What `body` returns, which is tried again as `Patience` has it.
    func patiently<Result>(_ body: () async throws -> Result) async throws -> Result {
        var patience = patience
        while true {
            do {
                return try await body()
            } catch let error where !Task.isCancelled {
                try await patience.wait(after: error)
            }
        }
    }

    /// As people read it. Throws like `get`.
    func text(_ path: String) async throws -> String {
        var request = request(.get, path)
        request.headers[.accept] = "text/plain"
        let response = try await http.send(request)
        guard response.status.kind == .successful else { throw GatewayRefusal(response) }
        return String(decoding: response.body, as: UTF8.self)
    }

    /// What is gone already is as good as deleted. Throws like `get`.
    func delete(_ path: String) async throws {
        let response = try await http.send(request(.delete, path))
        guard response.status.kind == .successful || response.status == .notFound else {
            throw GatewayRefusal(response)
        }
    }

    /// A stream that may take as long as it moves. Throws `OutboundError`, and what `body` throws.
    func stream<Result>(
        _ path: String, headers: HTTPFields = [:], _ body: (OutboundStreamedResponse) async throws -> Result
    ) async throws -> Result {
        var request = request(.get, path)
        request.timeouts = .init(total: nil, stall: .seconds(120))
        for field in headers { request.headers[field.name] = field.value }
        return try await http.withResponse(to: request, body)
    }

    /// One segment of a path.
    static func segment(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")

    private func request(
        _ method: HTTPRequest.Method, _ path: String, patience: Duration = .seconds(30)
    ) -> OutboundRequest {
        OutboundRequest(
            method, address + path, headers: [.authorization: "Bearer \(key.reveal())"],
            // Whoever types the command names the address.
            timeouts: .init(total: patience), egress: .unrestricted, answer: .whole(upTo: 64 << 20))
    }

    private func answer(_ request: OutboundRequest) async throws -> JSONValue {
        let response = try await http.send(request)
        let body = (try? JSONValue(parsing: Data(response.body))) ?? .null
        guard response.status.kind == .successful else {
            throw GatewayRefusal(status: response.status.code, problem: body)
        }
        guard body != .null else {
            throw CommandFailure("\(address) answers, but not as a Causeway gateway does. Is --url right?")
        }
        return body
    }
}

extension HTTPField.Name {
    static let idempotencyKey = Self(validated: "Idempotency-Key")
    static let reprDigest = Self(validated: "Repr-Digest")
    static let uploadOffset = Self(validated: "Upload-Offset")
    static let uploadComplete = Self(validated: "Upload-Complete")
    static let uploadLength = Self(validated: "Upload-Length")

    private init(validated name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = field
    }
}

/// An answer of the gateway's that is not 2xx.
struct GatewayRefusal: Error, CustomStringConvertible {
    let status: Int
    /// RFC 9457, or null.
    let problem: JSONValue

    init(status: Int, problem: JSONValue) {
        self.status = status
        self.problem = problem
    }

    init(_ response: OutboundResponse) {
        self.init(status: response.status.code, problem: (try? JSONValue(parsing: Data(response.body))) ?? .null)
    }

    var code: String { problem["code"]?.string ?? "" }

    /// Whether the same request may be answered better in a moment.
    var mayPass: Bool { [502, 503, 504, 507].contains(status) || Self.passing.contains(code) }

    /// Another request is at it, or this one did not come to its end.
    private static let passing: Set = [
        "idempotency_in_progress", "upload_busy", "upload_overtaken", "wrong_offset", "incomplete_body",
    ]

    var description: String {
        let errors = (problem["errors"]?.array ?? []).map { error in
            "\n  \(error["field"]?.string ?? ""): \(error["detail"]?.string ?? "")"
        }
        guard let detail = problem["detail"]?.string else { return "The gateway answered \(status)." }
        return "The gateway answered \(status) \(code): \(detail)" + errors.joined()
    }
}
