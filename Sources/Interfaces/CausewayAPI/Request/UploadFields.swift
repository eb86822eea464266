import HTTPTypes
import Hummingbird
import Imports

/// The fields of a request to `/v1/uploads`. One that is none is taken for absent, as the draft has it, but for a length:
/// who says one relies on its being compared.
struct UploadFields {
    let offset: Int64?
    let length: Int64?
    /// The request's bytes are the last.
    let isComplete: Bool?

    /// Throws `Problem`.
    init(_ request: Request) throws {
        offset = Self.number(request.headers[.uploadOffset])
        length = try request.headers[.uploadLength].map { text in
            guard let length = Self.number(text) else {
                throw Problem(
                    .badRequest, code: "invalid_request",
                    detail: "`Upload-Length` is the number of bytes of the whole file, in at most 15 digits.")
            }
            return length
        }
        isComplete =
            switch request.headers[.uploadComplete] {
            case "?1": true
            case "?0": false
            default: nil
            }
    }

    /// Of the whole upload, where the request says it: by itself, or by being the last and having a length. Throws
    /// `Problem` where the two are not the same.
    func wholeLength(at offset: Int64, _ request: Request) throws -> Int64? {
        guard isComplete == true, let rest = Self.number(request.headers[.contentLength]) else { return length }
        let (whole, overflow) = offset.addingReportingOverflow(rest)
        guard !overflow, length ?? whole == whole else {
            throw Problem(
                ResumableUploadError.wrongLength(
                    "`Upload-Length` says \(length ?? 0), and `Upload-Offset` and `Content-Length` together \(whole)."))
        }
        return whole
    }

    /// 15 digits at most (RFC 9651, 3.3.1).
    private static func number(_ text: String?) -> Int64? {
        guard let text, (1...15).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            return nil
        }
        return Int64(text)
    }
}

extension HTTPField.Name {
    static let uploadOffset = Self(upload: "Upload-Offset")
    static let uploadComplete = Self(upload: "Upload-Complete")
    static let uploadLength = Self(upload: "Upload-Length")
    static let uploadLimit = Self(upload: "Upload-Limit")
    static let uploadDraftInteropVersion = Self(upload: "Upload-Draft-Interop-Version")
    static let acceptPatch = Self(upload: "Accept-Patch")

    private init(upload name: String) {
        guard let field = HTTPField.Name(name) else { preconditionFailure("\(name) is no field name") }
        self = field
    }
}
