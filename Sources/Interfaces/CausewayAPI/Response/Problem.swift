import CausewayCore
public import HTTPTypes
import Hummingbird
import NIOCore

/// An error as every caller sees it: RFC 9457, with a stable code.
public struct Problem: Error, Sendable {
    public let status: HTTPResponse.Status
    /// Stable, snake_case.
    public let code: String
    /// What is wrong here and how to mend it.
    public let detail: String
    /// Where several things are wrong: each with its place.
    public var errors: [FieldProblem] = []
    public var headers: HTTPFields = [:]
    /// A URI, where there is more to say of this kind of problem than its status does.
    var type = "about:blank"
    /// What problems of its type have besides.
    var members: [String: JSONValue] = [:]

    public init(_ status: HTTPResponse.Status, code: String, detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }

    /// 422 with each thing that is wrong.
    public static func invalid(_ errors: [FieldProblem]) -> Problem {
        let count = errors.count == 1 ? "One member is" : "\(errors.count) members are"
        let first = errors.first.map { ": `\($0.field)`: \($0.detail)" } ?? "."
        var problem = Problem(.unprocessableContent, code: "invalid_request", detail: "\(count) not right\(first)")
        problem.errors = errors
        return problem
    }

    public static func notFound(_ what: String, _ id: String) -> Problem {
        Problem(.notFound, code: "not_found", detail: "There is no \(what) `\(id.prefix(100))`.")
    }

    public static func conflict(code: String, detail: String) -> Problem {
        Problem(.conflict, code: code, detail: detail)
    }

    /// - Parameter requestID: so that a caller's report can be found in the log.
    func response(requestID: String) -> Response {
        var body = members.merging([
            "type": .string(type), "title": .string(status.reasonPhrase),
            "status": .integer(Int64(status.code)), "detail": .string(detail), "code": .string(code),
            "request_id": .string(requestID),
        ]) { $1 }
        if !errors.isEmpty { body["errors"] = .array(errors.map(\.json)) }
        var headers = headers
        headers[.contentType] = "application/problem+json"
        return Response(
            status: status, headers: headers,
            body: .init(byteBuffer: ByteBuffer(string: JSONValue.object(body).text)))
    }
}

/// One thing that is wrong with a request.
public struct FieldProblem: Sendable, Hashable {
    /// As many as are told at once.
    static let limit = 50

    /// The member's or parameter's name; nested ones with dots.
    public let field: String
    public let code: String
    public let detail: String

    public init(field: String, code: String, detail: String) {
        self.field = field
        self.code = code
        self.detail = detail
    }

    static func nul(_ field: String) -> FieldProblem {
        FieldProblem(
            field: field, code: "invalid_character", detail: "This holds U+0000, which cannot be stored. Take it out.")
    }

    static func repeated(_ field: String) -> FieldProblem {
        FieldProblem(
            field: field, code: "duplicate_field", detail: "This member is given more than once. Give it once.")
    }

    var json: JSONValue {
        ["field": .string(field), "code": .string(code), "detail": .string(detail)]
    }
}
