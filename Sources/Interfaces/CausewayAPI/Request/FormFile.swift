import Hummingbird
import Imports

/// Takes the file's bytes out of a form; the bytes as they are where there is no form.
struct FormFile {
    private var reader: MultipartReader?
    private var hasFile = false

    /// - Parameter boundary: nil where the body is the file itself.
    init(_ boundary: String?) {
        reader = boundary.map(MultipartReader.init)
    }

    mutating func take(_ bytes: some Sequence<UInt8>, into pending: inout [UInt8], _ sink: UploadSink) throws {
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
