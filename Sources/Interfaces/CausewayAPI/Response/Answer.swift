import CausewayCore
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The shapes of a good answer.
enum Answer {
    static func json(
        _ value: JSONValue, status: HTTPResponse.Status = .ok, headers: HTTPFields = [:]
    ) -> Response {
        json(text: value.text, status: status, headers: headers)
    }

    static func json(text: String, status: HTTPResponse.Status, headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "application/json; charset=utf-8"
        headers[.cacheControl] = "no-store"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// For people at a terminal.
    static func text(_ text: String, status: HTTPResponse.Status = .ok, location: String? = nil) -> Response {
        var headers: HTTPFields = [.contentType: "text/plain; charset=utf-8", .xContentTypeOptions: "nosniff"]
        headers[.cacheControl] = "no-store"
        headers[.vary] = "Accept"
        if let location { headers[.location] = location }
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }

    /// One resource, with an `ETag` over its text; 304 where the caller has the same.
    static func resource(_ value: JSONValue, for request: Request) -> Response {
        resource(RenderedJSON(value), for: request)
    }

    static func resource(_ rendered: RenderedJSON, for request: Request) -> Response {
        let tag = "\"\(rendered.digest)\""
        var headers: HTTPFields = [.eTag: tag]
        headers[.cacheControl] = "private, no-cache"
        if matches(request.headers[values: .ifNoneMatch], tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = "application/json; charset=utf-8"
        return Response(status: .ok, headers: headers, body: .init(byteBuffer: ByteBuffer(string: rendered.text)))
    }

    /// `{"data":[…],"next_cursor":"…"|null}`
    static func list<Element>(
        _ page: Page<Element>, _ cursor: Cursor, _ render: (Element) -> JSONValue
    ) -> Response {
        json([
            "data": .array(page.elements.map(render)), "next_cursor": .optional(page.next.map(cursor.encode)),
        ])
    }

    /// RFC 9110 section 13.1.2: weak comparison, `*` matches whatever there is.
    static func matches(_ fields: [String], _ tag: String) -> Bool {
        fields.joined(separator: ",").split(separator: ",").contains { candidate in
            let candidate = candidate.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
            let text = String(candidate)
            return text == "*" || text == tag || text == "W/" + tag
        }
    }
}
