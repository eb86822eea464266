public import CausewayCore
import FileStore
import Logging
import Storage

/// Between the look at earlier imports' rows and the transaction, one came that was not looked at.
struct RowsOvertaken: Error {}

// Rows that were forwarded go out no second time, however many files, calls and gateways come at once: the earlier rows
// are looked at outside of any transaction, which may take seconds; in it, under a lock for the object and group, only
// whether the imports looked at are still all there are.
extension ImportOperations {
    /// Holds a checked file's rows against those of earlier imports that the search has not seen yet.
    func searched(
        _ search: ForwardedSearch, _ checked: CheckedUpload, _ request: ImportRequest
    ) async throws -> ForwardedSearch {
        let schema = context.catalog.schema(request.object, group: request.group)
        guard schema.remembersRows, !request.isForced, !checked.summary.isRefused else { return search }
        let rows = checked.summary.sortedRows
        var search = search
        for earlier in try await remembered(Import.rowScope(request.object, group: request.group)) {
            guard !search.checked.contains(earlier.mark) else { continue }
            search = try await reading(earlier.id) { [search] file in
                let places = try await places(of: earlier)
                return try await UploadSink.blocking {
                    var search = search
                    try search.look(for: rows, in: file, of: earlier, places)
                    return search
                }
            }
        }
        return search
    }

    /// Under the lock that keeps others of the same object and group from being accepted.
    static func refuseOvertaken(
        _ wanted: Import, _ search: ForwardedSearch, _ context: ImportContext, at now: Timestamp,
        in transaction: any Transaction
    ) throws {
        guard let scope = wanted.rowScope else { return }
        try transaction.lock("import rows of:\(scope)")
        guard !wanted.isForced else { return }
        let earliest = now - context.settings.duplicateWindow
        for earlier in try context.store.remembered(scope, since: earliest, in: transaction)
        where earlier.id != wanted.id && !search.checked.contains(earlier.mark) {
            throw RowsOvertaken()
        }
    }

    /// Goes on at the first chunk that is not through, unless its rows went out with another import meanwhile.
    public func retry(_ id: ImportID, recording: @escaping Recording = { _, _ in }) async throws -> Import {
        var search = ForwardedSearch()
        var round: Int?
        while true {
            do {
                return try await change(id, recording) { [context, search, round] found, now, transaction in
                    let before = found
                    let consequences = try found.retry()
                    guard found != before else { return consequences }
                    if !before.countsAsDuplicate {
                        try Self.refuseDuplicate(found, context, at: now, in: transaction)
                    }
                    try Self.refuseOvertaken(found, search, context, at: now, in: transaction)
                    if found.rowScope != nil, !found.isForced, round != before.round { throw RowsOvertaken() }
                    return consequences
                }
            } catch is RowsOvertaken {
                let found = try await find(id)
                round = found.round
                search = try await searchedAgain(found)
            }
        }
    }

    /// Of an import that is to be tried again: throws where what it would send has gone out with another.
    private func searchedAgain(_ own: Import) async throws -> ForwardedSearch {
        guard let scope = own.rowScope else { return ForwardedSearch() }
        let unsent = own.forwardedRows..<own.rows.valid
        var search = ForwardedSearch()
        for earlier in try await remembered(scope) where earlier.id != own.id {
            let places = try await places(of: earlier)
            let count = try await reading(own.id) { record in
                try await reading(earlier.id) { file in
                    try await UploadSink.blocking {
                        try ForwardedSearch.count(of: record, at: unsent, in: file, places)
                    }
                }
            }
            if count > 0 { throw ImportOperationError.rowsForwarded(by: earlier.id, rows: count) }
            search.note(earlier)
        }
        return search
    }

    private func remembered(_ scope: String) async throws -> [RememberedImport] {
        let earliest = context.time.now() - context.settings.duplicateWindow
        return try await context.engine.read { [context] transaction in
            try context.store.remembered(scope, since: earliest, in: transaction)
        }
    }

    /// Which rows of an earlier import count.
    private func places(of earlier: RememberedImport) async throws -> Range<Int> {
        try await context.engine.read { [context] transaction in
            try context.store.find(earlier.id, in: transaction)?.countedPlaces ?? 0..<0
        }
    }

    /// Hands out an import's record. What cannot be read counts as if everything stood in it: the file is refused.
    private func reading<Result: Sendable>(
        _ id: ImportID, _ body: (StoredFile) async throws -> Result
    ) async throws -> Result {
        do {
            guard let file = try await context.files.open(context.recordName(id)) else {
                throw ImportOperationError.rowsUnreadable(id)
            }
            return try await body(file)
        } catch let error as FileStoreError {
            context.logger.error(
                "a record of forwarded rows cannot be read", metadata: ["import": "\(id)", "error": "\(error)"])
            throw ImportOperationError.rowsUnreadable(id)
        }
    }
}
