import CausewayCore
import Foundation

/// The vendor's `{"data":…,"message":"…","status":200}`, read with tolerance: any part may be missing.
struct VendorEnvelope: Sendable, Hashable {
    /// The answer as it came.
    let whole: JSONValue
    let message: String?
    /// The status in the body. It can differ from HTTP's.
    let status: Int?

    init(_ whole: JSONValue) {
        self.whole = whole
        self.message = whole["message"]?.string ?? whole["error"]?.string ?? whole["error"]?["message"]?.string
        self.status =
            whole["status"]?.integer.flatMap { Int(exactly: $0) } ?? whole["status"]?.string.flatMap { Int($0) }
    }

    /// Nil where `body` is not JSON.
    init?(body: Data) {
        guard let whole = try? JSONValue(parsing: body) else { return nil }
        // Parts of it are kept as text.
        self.init(whole.showingNUL)
    }

    /// `data`, or the root where an answer has none but is itself the entity.
    var entity: JSONValue? {
        if let data = whole["data"], data.object != nil { return data }
        // Not `nil` in a conditional expression: there it would be JSON's null.
        guard whole["key"]?.string != nil else { return .none }
        return whole
    }

    /// `data.items`, or `data` itself where it is a list.
    var items: [JSONValue]? {
        whole["data"]?["items"]?.array ?? whole["data"]?.array
    }

    var hasMore: Bool { whole["data"]?["has_more"]?.bool ?? false }
}

extension JSONValue {
    /// A time as the vendor writes it: epoch milliseconds, as a number or as text; RFC 3339 is taken too.
    var vendorTime: Timestamp? {
        if let integer { return Timestamp(milliseconds: integer) }
        guard let string else { return nil }
        return Int64(string).map(Timestamp.init(milliseconds:)) ?? Timestamp(rfc3339: string)
    }
}
