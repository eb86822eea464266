import CSV
public import CausewayCore

/// What callers can be told is wrong, in words.
public enum ImportOperationError: Error, Sendable {
    case invalid([ImportMistake])
    /// No import has this id.
    case notFound
    /// The file passes so many bytes.
    case tooLarge(Int64)
    /// No file is read as this.
    case unsupportedCharset(String)
    /// The body did not come to its end.
    case uploadBroken
    case diskFull
    /// The same content was imported before: the same bytes, or the same rows written in another way.
    case duplicate(of: ImportID, at: Timestamp, isSameBytes: Bool)
    /// Rows that are to be sent went out meanwhile with another import.
    case rowsForwarded(by: ImportID, rows: Int)
    /// What is known of this import's rows cannot be read, so nobody can say whether the same come again.
    case rowsUnreadable(ImportID)
    case noSuchChunk(Int)
    /// Resolving a chunk of which it is known what became of it.
    case notUnknown(Int, ImportChunkState)
    /// Nobody knows yet what became of this chunk.
    case unresolved(Int)
    /// So many good rows would be cut into more pieces of so many than one import can have.
    case tooManyRows(Int, chunkRows: Int)
    case notPossible(String, ImportState)
    case ownApproval
    /// Nobody approved it until then.
    case approvalExpired(Timestamp)
    /// There are no refused rows to hand back.
    case nothingRejected
    /// The file itself is what is wrong, not rows of it.
    case wholeFileRefused
    /// The refused rows were kept, and are no more.
    case rejectedRowsGone
    /// There is nothing left that could be sent.
    case fileRemoved

    /// Stable, snake_case.
    public var code: String {
        switch self {
        case .invalid: "invalid_request"
        case .notFound: "not_found"
        case .tooLarge: "body_too_large"
        case .unsupportedCharset: "unsupported_charset"
        case .uploadBroken: "incomplete_body"
        case .diskFull: "storage_full"
        case .duplicate: "duplicate_import"
        case .rowsForwarded: "rows_already_forwarded"
        case .rowsUnreadable: "rows_unreadable"
        case .noSuchChunk: "not_found"
        case .notUnknown: "chunk_not_unknown"
        case .unresolved: "chunk_unknown"
        case .tooManyRows: "too_many_rows"
        case .notPossible: "wrong_state"
        case .ownApproval: "own_approval"
        case .approvalExpired: "approval_expired"
        case .nothingRejected: "nothing_rejected"
        case .wholeFileRefused: "file_refused"
        case .rejectedRowsGone: "rejected_rows_gone"
        case .fileRemoved: "file_gone"
        }
    }

    /// What is wrong and how to mend it.
    public var detail: String {
        switch self {
        case .invalid(let mistakes): mistakes.map { "\($0.field): \($0.detail)" }.joined(separator: " ")
        case .notFound: "There is no such import."
        case .tooLarge(let limit):
            "A file may have \(limit) bytes at most (`imports.max_size`). Send it in several files."
        case .unsupportedCharset(let label):
            "A file in `\(label.prefix(50))` cannot be read. There are: "
                + "\(CSVCharset.allCases.map(\.rawValue).joined(separator: ", ")), and the usual other names of these."
        case .uploadBroken: "The body ended before its end. Nothing was kept; send it again."
        case .diskFull: "The disk is full: nothing was kept. Try again when there is room."
        case .duplicate(let first, let time, let isSameBytes):
            """
            \(isSameBytes ? "The same file was" : "The same rows, in a file written otherwise, were") \
            imported on \(time.rfc3339) as \(first). Look at it there; send it with `force=true` \
            if it is meant to be imported a second time.
            """
        case .rowsForwarded(let other, let rows):
            """
            \(rows == 1 ? "One row that is" : "\(rows) rows that are") to be sent went out with \(other) meanwhile, or \
            are about to. Sending them again could pay somebody twice: send a file with the other rows instead.
            """
        case .rowsUnreadable(let other):
            """
            Which rows went out with \(other) cannot be read now, so nobody can say whether this file has them again. \
            Try again later; send it with `force=true` only if no row of it went out before.
            """
        case .noSuchChunk(let number): "The import has no chunk \(number)."
        case .notUnknown(let number, let state):
            "Chunk \(number) is \(state.rawValue): only one that is unknown can be resolved."
        case .unresolved(let number):
            """
            Nobody knows whether chunk \(number) arrived. Look into PartnerStack, then say so with \
            POST …/chunks/\(number)/resolve {"outcome":"imported"|"not_imported"}.
            """
        case .tooManyRows(let rows, let chunkRows):
            """
            The file has \(rows) good rows, and with \(chunkRows) rows in a chunk (`imports.chunk_rows`) one file may \
            have \(chunkRows * ImportCut.limit). Send it in several files.
            """
        case .notPossible(let what, let state): "An import that is \(state.rawValue) cannot be \(what)."
        case .approvalExpired(let time):
            "It could be approved until \(time.rfc3339) (`imports.approval.expires`). Upload it again."
        case .ownApproval: "Another key than the one that uploaded the file has to approve it."
        case .nothingRejected: "No row of this file was refused."
        case .wholeFileRefused:
            "The file as a whole was refused, not rows of it: `errors.csv` says why. Mend the file that you have."
        case .rejectedRowsGone:
            """
            The refused rows are not kept any more (`imports.keep_files`), or there was no room for them. `errors.csv` \
            still says which rows they were.
            """
        case .fileRemoved: "The file is not kept any more (`imports.keep_files`): upload what is left of it again."
        }
    }
}
