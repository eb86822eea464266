import CausewayCore
import HTTPTypes
import Hummingbird
import NIOCore

/// The vendor's envelope.
struct VendorAnswer: Sendable {
    var status: Int
    var body: JSONValue
    var retryAfter: Int?

    /// `{"data":…,"message":…,"status":…}`
    init(_ data: JSONValue, message: String, status: Int = 200) {
        self.status = status
        self.body = ["data": data, "message": .string(message), "status": .integer(Int64(status))]
    }

    /// `{"message":…,"status":…}`: errors, and all that the importer says.
    init(message: String, status: Int, retryAfter: Int? = nil) {
        self.status = status
        self.body = ["message": .string(message), "status": .integer(Int64(status))]
        self.retryAfter = retryAfter
    }

    init(_ refusal: VendorRefusal) {
        self.init(message: refusal.message, status: refusal.status, retryAfter: refusal.retryAfter)
    }

    func response() -> Response {
        .text(body.text, status: status, type: "application/json", retryAfter: retryAfter)
    }
}

/// A request the vendor does not grant.
struct VendorRefusal: Error {
    let status: Int
    let message: String
    var retryAfter: Int?

    init(_ status: Int, _ message: String, retryAfter: Int? = nil) {
        self.status = status
        self.message = message
        self.retryAfter = retryAfter
    }
}

extension Response {
    static func text(_ text: String, status: Int = 200, type: String, retryAfter: Int? = nil) -> Response {
        var response = Response(
            status: .init(code: status), headers: [.contentType: type],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        if let retryAfter { response.headers[.retryAfter] = String(retryAfter) }
        return response
    }
}
