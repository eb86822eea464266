import Foundation
import HTTPTypes
import Hummingbird
import Imports
import NIOCore

/// A request body that is a file: raw, or the part `file` of a form. Read as it comes, never whole.
struct UploadBody {
    fileprivate enum Form {
        case raw
        case multipart(boundary: String)
    }

    private let request: Request
    private let form: Form
    private let maximumSize: Int64
    /// Of the body: the file and what stands around it.
    private let limit: Int64
    /// Bytes handed on at once: large enough that the hand-over costs nothing.
    private static let block = 256 << 10
    /// What a form may have besides its file.
    private static let formOverhead: Int64 = 64 << 10

    /// Looks at the headers only. Throws `Problem` where the body cannot be taken.
    init(_ request: Request, maximumSize: Int64) throws {
        self.request = request
        form = try Self.form(of: request)
        if let encoding = request.headers[.contentEncoding]?.lowercased(), encoding != "identity" {
            var problem = Problem(
                .unsupportedMediaType, code: "unsupported_encoding",
                detail: "A body with `Content-Encoding: \(encoding.prefix(50))` is not taken. Send it as it is.")
            problem.headers[.acceptEncoding] = "identity"
            throw problem
        }
        let overhead = if case .multipart = form { Self.formOverhead } else { Int64(0) }
        self.maximumSize = maximumSize
        limit = maximumSize + overhead
        if let length = request.headers[.contentLength].flatMap({ Int64($0) }), length > limit {
            throw Problem(ImportOperationError.tooLarge(maximumSize))
        }
    }

    private static let rawTypes: Set = [
        "application/csv", "application/octet-stream", "application/x-www-form-urlencoded", "application/vnd.ms-excel",
    ]

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
        var received: Int64 = 0
        var file = FormFile(form.boundary)
        var pending: [UInt8] = []
        do {
            for try await buffer in request.body {
                received += Int64(buffer.readableBytes)
                do {
                    guard received <= limit else { throw ImportOperationError.tooLarge(maximumSize) }
                    try file.take(buffer.readableBytesView, into: &pending, sink)
                    if pending.count >= Self.block {
                        try await sink.write(pending)
                        pending.removeAll(keepingCapacity: true)
                    }
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
        try file.finish()
        if !pending.isEmpty { try await sink.write(pending) }
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

/// Takes the file's bytes out of a form; the bytes as they are where there is no form.
private struct FormFile {
    private var reader: MultipartReader?
    private var hasFile = false

    init(_ boundary: String?) {
        reader = boundary.map(MultipartReader.init)
    }

    mutating func take(_ bytes: ByteBufferView, into pending: inout [UInt8], _ sink: UploadSink) throws {
        guard reader != nil else {
            pending.append(contentsOf: bytes)
            return
        }
        do {
            for event in try reader?.feed(bytes) ?? [] {
                switch event {
                case .part(let head): try begin(head, sink)
                case .data(let data): pending.append(contentsOf: data)
                }
            }
        } catch let mistake as MultipartReader.Mistake {
            throw Problem(.badRequest, code: "invalid_multipart", detail: mistake.words)
        }
    }

    private mutating func begin(_ head: MultipartReader.PartHead, _ sink: UploadSink) throws {
        guard head.name == "file" else {
            throw Problem.invalid([
                FieldProblem(
                    field: String(head.name.prefix(100)), code: "unknown_part",
                    detail: "A form has one part here, `file`; everything else goes into the query.")
            ])
        }
        guard !hasFile else {
            throw Problem.invalid([
                FieldProblem(field: "file", code: "repeated", detail: "Send one file in a request.")
            ])
        }
        guard ["binary", "8bit", "7bit"].contains(head.transferEncoding ?? "binary") else {
            throw Problem(
                .unsupportedMediaType, code: "unsupported_encoding",
                detail: "A part with a Content-Transfer-Encoding is not taken. Send its bytes as they are.")
        }
        hasFile = true
        if let filename = head.filename { sink.setFilename(filename) }
        guard let charset = UploadBody.charset(in: head.contentType) else { return }
        do {
            try sink.declare(charset: charset)
        } catch {
            throw Problem(error)
        }
    }

    func finish() throws {
        guard let reader else { return }
        guard reader.isComplete else { throw ImportOperationError.uploadBroken }
        guard hasFile else {
            throw Problem.invalid([
                FieldProblem(
                    field: "file", code: "missing_part", detail: "The form has no part `file`: `curl -F file=@FILE …`.")
            ])
        }
    }
}
