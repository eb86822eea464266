import CausewayCore
import HTTPTypes
import Imports

extension Problem {
    private static let types = "https://iana.org/assignments/http-problem-types#"

    init(_ error: ResumableUploadError) {
        switch error {
        case .notFound:
            self.init(
                .notFound, code: "not_found",
                detail: "There is no such upload of this key's: it never was, was cancelled, or has expired.")
        case .wrongOffset(let actual, let given, let isComplete):
            let words =
                isComplete
                ? Self.complete(actual) : "The upload has \(actual) bytes: go on from there, not from \(given)."
            self.init(.conflict, code: "wrong_offset", detail: words)
            type = Self.types + "mismatching-upload-offset"
            members = ["expected-offset": .integer(actual), "provided-offset": .integer(given)]
            headers[.uploadOffset] = String(actual)
            headers[.uploadComplete] = isComplete ? "?1" : "?0"
        case .complete(let size):
            self.init(.badRequest, code: "upload_complete", detail: Self.complete(size))
            type = Self.types + "completed-upload"
            headers[.uploadOffset] = String(size)
            headers[.uploadComplete] = "?1"
        case .wrongLength(let words):
            self.init(.badRequest, code: "wrong_length", detail: words)
            type = Self.types + "inconsistent-upload-length"
        case .busy:
            self.init(
                .conflict, code: "upload_busy",
                detail: "Another request to this upload is still at work. Ask again shortly.")
            headers[.retryAfter] = "5"
        case .overtaken:
            self.init(
                .conflict, code: "upload_overtaken",
                detail: "Another request to this upload came and ended this one. What was received until then is kept.")
        case .refused(let kept):
            let status = Int(kept["status"]?.integer ?? 400)
            self.init(
                .init(code: status), code: kept["code"]?.string ?? "refused", detail: kept["detail"]?.string ?? "")
        }
    }

    private static func complete(_ size: Int64) -> String {
        """
        The upload is complete with its \(size) bytes; nothing can be added. What came of it is answered to a PATCH without a \
        body: `Upload-Offset: \(size)`, `Upload-Complete: ?1`.
        """
    }

    /// What is kept of a problem that another try would meet again; nil where one may help.
    var refusal: JSONValue? {
        guard [400, 409, 413, 422].contains(status.code), code != "incomplete_body" else { return nil }
        return ["status": .integer(Int64(status.code)), "code": .string(code), "detail": .string(detail)]
    }
}
