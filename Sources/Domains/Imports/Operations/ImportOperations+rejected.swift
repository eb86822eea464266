import CSV
public import CausewayCore
import FileStore
import Logging
import Storage

extension ImportOperations {
    /// The refused rows of an import, as they came or with their errors.
    public func rejectedRows(of id: ImportID, as form: RejectedForm) async throws -> RejectedContent {
        let found = try await find(id)
        guard found.rows.invalid > 0 else {
            throw found.problems.total > 0
                ? ImportOperationError.wholeFileRefused : ImportOperationError.nothingRejected
        }
        guard let file = try await context.files.open(context.rejectedName(id)) else {
            throw found.isRefusedWhole ? ImportOperationError.wholeFileRefused : ImportOperationError.rejectedRowsGone
        }
        var problems: [RowProblem] = []
        var page: PageRequest? = form.isAnnotated ? PageRequest(limit: PageRequest.limits.upperBound) : nil
        while let asked = page {
            let some = try await self.problems(of: id, asked)
            problems += some.elements
            page = some.next.map { PageRequest(limit: asked.limit, after: $0) }
        }
        return RejectedContent(
            filename: found.filename ?? "\(found.object.rawValue).csv", file: file,
            writer: RejectedWriter(
                form, delimiter: CSVDelimiter(rawValue: found.file.delimiter) ?? .comma,
                encoding: CSVEncoding(rawValue: found.file.encoding) ?? .utf8, problems: problems,
                areAllKept: found.problems.stored == found.problems.total))
    }

    /// Keeps the refused rows of a checked upload. Where there is no room the import goes on without them.
    /// - Parameter path: where the upload lies.
    func keepRejectedRows(of id: ImportID, _ schema: ObjectSchema, _ checked: CheckedUpload, at path: String) async {
        let summary = checked.summary
        guard !summary.isRefused, summary.invalidRows > 0 else { return }
        do {
            try await UploadSink.blocking { [context] in
                let rows = RejectedRows(schema: schema, summary: summary, path: path)
                try RejectedFile.write(rows, as: context.rejectedName(id), in: context.files)
            }
        } catch {
            context.logger.warning(
                "the refused rows of an import are not kept", metadata: ["import": "\(id)", "error": "\(error)"])
        }
    }
}

extension Import {
    /// Refused by its header, its encoding or its emptiness, whatever its rows are like.
    var isRefusedWhole: Bool { state == .rejected && problems.first.contains { $0.row == nil } }
}
