import CausewayCore
import HTTPTypes
import OutboundHTTP

extension VendorClient {
    /// Sends a CSV to the importer, read from its file while it is sent. Once only: any error whose action is
    /// `unknownOutcome` may have imported it. The answer names no job and no rows.
    public func importFile(_ upload: ImportUpload) async throws -> VendorAnswer {
        var parts: [MultipartForm.Part] = []
        // Fields go first: a reader that takes the parts in order knows them before the file begins.
        if let group = upload.group { parts.append(.field(settings.importFields.group, group)) }
        if let sendInvites = upload.sendInvites {
            parts.append(.field(settings.importFields.sendInvites, sendInvites ? "true" : "false"))
        }
        var content: [OutboundBody.Segment] = upload.prefix.isEmpty ? [] : [.bytes(upload.prefix)]
        content.append(.file(FileSlice(path: upload.filePath, offset: upload.offset, length: upload.length)))
        parts.append(
            MultipartForm.Part(
                name: settings.importFields.file, filename: upload.filename, contentType: "text/csv", content: content))
        let envelope = try await perform(
            VendorCall(
                route: "import", method: .post,
                path: VendorCall.path(settings.paths.importer, name: "object", upload.object.rawValue),
                body: .form(MultipartForm(parts)), effect: .once, priority: .urgent))
        return VendorAnswer(message: envelope.message, whole: envelope.whole)
    }
}
