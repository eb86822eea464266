import CausewayCore
import Foundation
import HTTPTypes
import OutboundHTTP

/// One call as it goes out.
struct VendorCall: Sendable {
    /// What making the call twice does.
    enum Effect: Sendable {
        /// Nothing: it reads, or sets what is set already.
        case repeatable
        /// The thing twice: it goes out on a connection of its own, so that libcurl never sends it again, and
        /// without a clear answer its outcome is unknown.
        case once
    }

    enum Body: Sendable {
        case none
        case json(JSONValue)
        case form(MultipartForm)
    }

    /// What it is for, without keys: for metrics.
    var route: String
    var method: HTTPRequest.Method
    /// Under the base URL, percent-encoded, with its query.
    var path: String
    var body = Body.none
    var effect: Effect
    var priority: RequestBudget.Priority

    static func get(_ route: String, _ path: String, query: [(String, String)] = []) -> VendorCall {
        let text = query.map { "\($0)=\(percentEncoded($1))" }.joined(separator: "&")
        return VendorCall(
            route: route, method: .get, path: text.isEmpty ? path : "\(path)?\(text)", effect: .repeatable,
            priority: .routine)
    }

    /// Fills `{name}` in a path's template.
    static func path(_ template: String, name: String = "key", _ value: String) -> String {
        template.replacingOccurrences(of: "{\(name)}", with: percentEncoded(value))
    }

    /// Everything but RFC 3986's unreserved characters; `.` and `..` too, since clients fold such segments.
    static func percentEncoded(_ text: String) -> String {
        if text == "." || text == ".." { return text.replacingOccurrences(of: ".", with: "%2E") }
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }

    private static let unreserved = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
}
