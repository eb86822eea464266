import GRDB
import Storage

extension StorageError {
    /// GRDB's errors as ours; any other error, such as one of a domain's, as it is.
    static func translating(_ error: any Error) -> any Error {
        error is DatabaseError ? StorageError(sqlite: error) : error
    }

    init(sqlite error: any Error) {
        if let known = error as? StorageError {
            self = known
            return
        }
        guard let error = error as? DatabaseError else {
            self = .failed(detail: "\(error)")
            return
        }
        switch (error.resultCode, error.extendedResultCode) {
        case (_, .SQLITE_CONSTRAINT_UNIQUE), (_, .SQLITE_CONSTRAINT_PRIMARYKEY):
            self = .uniqueViolation(detail: error.message ?? "")
        case (.SQLITE_BUSY, _), (.SQLITE_LOCKED, _): self = .busy
        case (.SQLITE_FULL, _): self = .full
        // The statement without its arguments: they may hold what must not be logged.
        default: self = .failed(detail: "SQLite \(error.resultCode): \(error.message ?? "") in \(error.sql ?? "")")
        }
    }
}
