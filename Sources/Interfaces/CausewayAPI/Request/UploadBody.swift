import Compression
import Foundation
import HTTPTypes
import Hummingbird
import Imports
import NIOCore

/// A request body that is a file: raw, or the part `file` of a form, packed or not. Read as it comes, never whole.
struct UploadBody {
    fileprivate enum Form {
        case raw
        case multipart(boundary: String)
    }

    private let request: Request
    private let form: Form
    private let coding: ContentCoding?
    private let digests: DigestFields
    private let maximumSize: Int64
    /// Of the body, packed and unpacked: the file and what stands around it.
    private let limit: Int64
    /// What a form may have besides its file.
    private static let formOverhead: Int64 = 64 << 10

    /// What PATCH is sent as (draft-ietf-httpbis-resumable-upload).
    static let partType = "application/partial-upload"

    /// Looks at the headers only. Throws `Problem` where the body cannot be taken.
    /// - Parameter isPart: it is a part of an upload, taken as it is transferred: what packs and hashes the whole is of no
    ///   concern here.
    init(_ request: Request, maximumSize: Int64, isPart: Bool = false) throws {
        self.request = request
        form = isPart ? try Self.part(of: request) : try Self.form(of: request)
        coding = isPart ? nil : try Self.coding(of: request)
        digests =
            try isPart
            ? DigestFields(.contentDigest, in: request.headers)
            : DigestFields(.contentDigest, .reprDigest, in: request.headers)
        let overhead = if case .multipart = form { Self.formOverhead } else { Int64(0) }
        self.maximumSize = maximumSize
        limit = maximumSize + overhead
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }), length > limit {
            throw Problem(ImportOperationError.tooLarge(maximumSize))
        }
    }

    /// Nothing comes, as far as the headers say.
    var isEmpty: Bool {
        request.headers[.transferEncoding] == nil && (request.headers[.contentLength] ?? "0") == "0"
    }

    /// A hash is said of these bytes.
    var hasDigest: Bool { !digests.isEmpty }

    private static let rawTypes: Set = [
        "application/csv", "application/octet-stream", "application/x-www-form-urlencoded", "application/vnd.ms-excel",
    ]

    /// What the body is packed with; nil where it is not. Throws `Problem` for what cannot be unpacked.
    static func coding(of request: Request) throws -> ContentCoding? {
        let names = request.headers[values: .contentEncoding].joined(separator: ",").split(separator: ",")
            .map { $0.trimmingCharacters(in: .whitespaces).lowercased() }.filter { !$0.isEmpty && $0 != "identity" }
        guard let name = names.first else { return nil }
        guard names.count == 1, let coding = ContentCoding(name: name) else {
            var problem = Problem(
                .unsupportedMediaType, code: "unsupported_encoding",
                detail: """
                    A body with `Content-Encoding: \(names.joined(separator: ", ").prefix(50))` is not taken: send it as it \
                    is, or packed once with gzip or zstd.
                    """)
            problem.headers[.acceptEncoding] = "gzip, zstd"
            throw problem
        }
        return coding
    }

    private static func form(of request: Request) throws -> Form {
        guard let header = request.headers[.contentType] else { return .raw }
        let type = (header.split(separator: ";").first ?? "").trimmingCharacters(in: .whitespaces).lowercased()
        if type.isEmpty || type.hasPrefix("text/") || rawTypes.contains(type) { return .raw }
        guard type == "multipart/form-data" else {
            throw Problem(
                .unsupportedMediaType, code: "unsupported_media_type",
                detail: """
                    Send the CSV as the body (`curl -T customers.csv …`, a text type or none) or as the part `file` of \
                    a form (`curl -F file=@customers.csv …`), not as \(type.prefix(100)).
                    """)
        }
        guard let boundary = Self.boundary(in: header) else {
            throw Problem(
                .badRequest, code: "invalid_multipart", detail: "The content type names no boundary of 1 to 70 letters."
            )
        }
        return .multipart(boundary: boundary)
    }

    private static func part(of request: Request) throws -> Form {
        if request.method == .patch {
            let type = request.headers[.contentType]?.split(separator: ";").first
            guard let type, type.trimmingCharacters(in: .whitespaces).lowercased() != partType else { return .raw }
            var problem = Problem(
                .unsupportedMediaType, code: "unsupported_media_type",
                detail: "Send the next bytes of the file with `Content-Type: \(partType)`.")
            problem.headers[.acceptPatch] = partType
            throw problem
        }
        guard case .raw = try form(of: request) else {
            throw Problem(
                .unsupportedMediaType, code: "unsupported_media_type",
                detail: "An upload in several requests is the file itself, not a form: `curl -T customers.csv …`.")
        }
        return .raw
    }

    /// RFC 2046, 5.1.1.
    static func boundary(in header: String) -> String? {
        for parameter in header.split(separator: ";").dropFirst() {
            let pair = parameter.split(separator: "=", maxSplits: 1)
            guard pair.count == 2, pair[0].trimmingCharacters(in: .whitespaces).lowercased() == "boundary" else {
                continue
            }
            let value = pair[1].trimmingCharacters(in: CharacterSet(charactersIn: " \t\""))
            return (1...70).contains(value.utf8.count) ? value : nil
        }
        return nil
    }

    /// What a content type says of a file's encoding; nil for a form, whose parts say it themselves.
    static func charset(in contentType: String?) -> String? {
        guard let contentType else { return nil }
        let (type, parameters) = ContentDisposition.parse(contentType)
        return type.hasPrefix("multipart/") ? nil : parameters["charset"]
    }

    /// Hands the file on as it comes. Throws where the body breaks off or is no good form.
    func feed(to sink: UploadSink) async throws {
        var pipeline = UploadPipeline(coding: coding, boundary: form.boundary, limit: limit, maximumSize: maximumSize)
        try await read { try await pipeline.take($0, sink) }
        try await pipeline.finish(sink)
    }

    /// Hands the bytes on as they are transferred, and holds them against their hash. Throws
    /// `ImportOperationError.uploadBroken` where they break off, and what `take` throws.
    func read(_ take: (ByteBufferView) async throws -> Void) async throws {
        var received: Int64 = 0
        var digests = digests
        do {
            for try await buffer in request.body {
                received += Int64(buffer.readableBytes)
                do {
                    guard received <= limit else { throw ImportOperationError.tooLarge(maximumSize) }
                    digests.take(buffer.readableBytesView)
                    try await take(buffer.readableBytesView)
                } catch {
                    throw NotTaken(reason: error)
                }
            }
        } catch let error as NotTaken {
            throw error.reason
        } catch {
            if error is CancellationError { throw error }
            throw ImportOperationError.uploadBroken
        }
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }), length != received {
            throw ImportOperationError.uploadBroken
        }
        try digests.finish()
    }

    /// Keeps what went wrong here apart from what went wrong with the body.
    private struct NotTaken: Error {
        let reason: any Error
    }
}

extension UploadBody.Form {
    fileprivate var boundary: String? {
        if case .multipart(let boundary) = self { boundary } else { nil }
    }
}
