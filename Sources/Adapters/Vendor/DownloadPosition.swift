import CausewayCore
import HTTPTypes
import OutboundHTTP

/// Where a download that broke goes on.
public struct DownloadPosition: Sendable, Hashable {
    /// Bytes that are there; from 1.
    public let offset: Int64
    /// Of the whole file; nil where it is not known.
    public let size: Int64?
    /// `VendorDownload.validator` of the bytes that are there.
    public let validator: String

    public init(offset: Int64, size: Int64?, validator: String) {
        self.offset = offset
        self.size = size
        self.validator = validator
    }

    /// RFC 9110, 13.1.5: the rest where the file is the same still, the whole file where it is not.
    var headers: HTTPFields { [.range: "bytes=\(offset)-", .ifRange: validator] }
}

/// What the head of an answer says about the file behind a link.
struct DownloadHead: Sendable {
    var offset: Int64 = 0
    var size: Int64?
    let contentType: String?
    let validator: String?
    let endIsTold: Bool

    /// Throws `VendorError` for an answer that is not the file, or not the rest of the file that was asked for.
    init(_ head: OutboundResponseHead, from position: DownloadPosition?) throws {
        contentType = head.headers[.contentType]
        validator = Self.validator(head.headers)
        let length = head.headers[.contentLength].flatMap { Int64($0) }
        let isChunked = head.headers[.transferEncoding]?.lowercased().hasSuffix("chunked") == true
        endIsTold = length != nil || isChunked || head.version == .http2 || head.version == .http3
        switch head.status.code {
        case 200: size = length
        case 206:
            guard let position, let range = ContentRange(head.headers[.contentRange] ?? ""),
                range.first == position.offset, range.last == range.size - 1, position.size ?? range.size == range.size,
                validator == nil || validator == position.validator
            else {
                throw VendorError(
                    cause: .unusableAnswer, action: .retry(after: nil), status: 206,
                    message: "the link answers with another part than was asked for")
            }
            offset = position.offset
            size = range.size
        case let code:
            throw VendorError(
                cause: code == 404 ? .notFound : .refused, action: .retry(after: nil), status: code,
                message: "the link answers \(code)")
        }
    }

    /// What `If-Range` takes: a strong tag, or a date that had passed for a minute when it was told.
    private static func validator(_ headers: HTTPFields) -> String? {
        if let tag = headers[.eTag] { return tag.hasPrefix("\"") ? tag : nil }
        guard let text = headers[.lastModified], let modified = RetryAfterHeader.date(text),
            let told = headers[.date].flatMap(RetryAfterHeader.date), told >= modified + .seconds(60)
        else { return nil }
        return text
    }
}

/// `Content-Range: bytes 0-99/1234`
struct ContentRange: Hashable {
    let first: Int64
    let last: Int64
    let size: Int64

    init?(_ text: String) {
        guard let match = text.wholeMatch(of: /bytes (\d{1,18})-(\d{1,18})\/(\d{1,18})/), let first = Int64(match.1),
            let last = Int64(match.2), let size = Int64(match.3)
        else { return nil }
        (self.first, self.last, self.size) = (first, last, size)
    }
}
