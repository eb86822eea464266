import CausewayCore
import Exports
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// A file as the answer: a mirrored one whole or in part, with what tells that it is the same and whole; one that is
/// passed through just as it comes.
enum FileAnswer {
    static func response(_ content: ExportFileContent, for request: Request) throws -> Response {
        var headers: HTTPFields = [
            .contentType: content.name.hasSuffix(".zip") ? "application/zip" : "text/csv; charset=utf-8",
            .contentDisposition: ContentDisposition.attachment(content.name), .xContentTypeOptions: "nosniff",
        ]
        guard let size = content.size, let sha256 = content.sha256 else {
            headers[.cacheControl] = "private, no-store"
            headers[.acceptRanges] = "none"
            return answer(.ok, headers, content, range: nil, length: content.size)
        }
        let tag = "\"\(sha256)\""
        headers[.cacheControl] = "private, no-cache"
        headers[.acceptRanges] = "bytes"
        headers[.eTag] = tag
        headers[.reprDigest] = "sha-256=:\(base64(hexadecimal: sha256)):"
        if Answer.matches(request.headers[values: .ifNoneMatch], tag) {
            headers[.contentType] = nil
            headers[.contentDisposition] = nil
            return Response(status: .notModified, headers: headers)
        }
        // RFC 9110, 13.1.5: strong comparison; a date never is ours. Ranges are for GET alone.
        let mayBePart = request.method == .get && (request.headers[.ifRange].map { $0 == tag } ?? true)
        switch mayBePart ? ByteRange(request.headers[.range], size: size) : .whole {
        case .whole: return answer(.ok, headers, content, range: nil, length: size)
        case .part(let range):
            headers[.contentRange] = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"
            return answer(.partialContent, headers, content, range: range, length: Int64(range.count))
        case .unsatisfiable:
            var problem = Problem(
                .rangeNotSatisfiable, code: "range_not_satisfiable", detail: "The file has \(size) bytes.")
            problem.headers[.contentRange] = "bytes */\(size)"
            throw problem
        }
    }

    private static func answer(
        _ status: HTTPResponse.Status, _ headers: HTTPFields, _ content: ExportFileContent, range: Range<Int64>?,
        length: Int64?
    ) -> Response {
        var headers = headers
        if let length { headers[.contentLength] = String(length) }
        return Response(
            status: status, headers: headers,
            body: ResponseBody(contentLength: length.map(Int.init)) { writer in
                for try await bytes in content.chunks(range) { try await writer.write(ByteBuffer(bytes: bytes)) }
                try await writer.finish(nil)
            })
    }

    private static func base64(hexadecimal text: String) -> String {
        let digits = text.utf8.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
        return Data(bytes).base64EncodedString()
    }
}
