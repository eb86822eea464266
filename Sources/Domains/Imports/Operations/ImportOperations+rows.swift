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
        let scope = Import.rowScope(request.object, group: request.group)
        let earliest = context.time.now() - context.settings.duplicateWindow
        let unseen = try await remembered(scope, since: earliest).filter { !search.checked.contains($0.mark) }
        let suspects = try await suspects(among: unseen, for: .checked(rows))
        search.needsJoining = suspects.needsJoining
        for earlier in unseen {
            guard suspects.ids.contains(earlier.id) else {
                search.note(earlier)
                continue
            }
            search = try await reading(earlier.id) { [search] file in
                try await UploadSink.blocking {
                    var search = search
                    try search.look(for: rows, in: file, of: earlier)
                    return search
                }
            }
        }
        return search
    }

    /// Under the lock that keeps others of the same object and group from being accepted.
    static func refuseOvertaken(
        _ wanted: Import, _ search: ForwardedSearch, _ context: ImportContext, isRetry: Bool = false,
        at now: Timestamp, in transaction: any Transaction
    ) throws {
        guard let scope = wanted.rowScope else { return }
        try transaction.lock("import rows of:\(scope)")
        guard let others = OtherImports(of: wanted, isRetry: isRetry) else { return }
        let earliest = context.earliest(for: wanted, isRetry: isRetry, at: now)
        for earlier in try context.store.marks(scope, since: earliest, in: transaction)
        where others.contains(earlier) && !search.checked.contains(earlier) {
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
                    try Self.refuseWithoutFile(before, context, at: now)
                    if !before.countsAsDuplicate {
                        try Self.refuseDuplicate(found, context, isRetry: true, at: now, in: transaction)
                    }
                    try Self.refuseOvertaken(found, search, context, isRetry: true, at: now, in: transaction)
                    if found.rowScope != nil, round != before.round { throw RowsOvertaken() }
                    return consequences
                }
            } catch is RowsOvertaken {
                let found = try await find(id)
                round = found.round
                search = try await searchedAgain(found)
            }
        }
    }

    /// Files are kept for a while; without it there is nothing to send.
    private static func refuseWithoutFile(_ failed: Import, _ context: ImportContext, at now: Timestamp) throws {
        guard let endedAt = failed.endedAt, now.since(endedAt) >= context.settings.visibilityDelay else { return }
        guard try context.files.modified(context.fileName(failed.id)) == nil else { return }
        throw ImportOperationError.fileRemoved
    }

    /// Of an import that is to be tried again: throws where what it would send has gone out with another.
    private func searchedAgain(_ own: Import) async throws -> ForwardedSearch {
        guard let scope = own.rowScope, let others = OtherImports(of: own, isRetry: true) else {
            return ForwardedSearch()
        }
        let unsent = own.forwardedRows..<own.rows.valid
        let search = ForwardedSearch()
        let earliest = context.earliest(for: own, isRetry: true, at: context.time.now())
        let remembered = try await remembered(scope, since: earliest).filter { others.contains($0.mark) }
        guard !remembered.isEmpty else { return search }
        return try await reading(own.id) { [search] record in
            var search = search
            let suspects = try await suspects(among: remembered, for: .recorded(record, at: unsent)).ids
            for earlier in remembered {
                search.note(earlier)
                guard suspects.contains(earlier.id) else { continue }
                let count = try await reading(earlier.id) { file in
                    try await UploadSink.blocking {
                        try ForwardedSearch.count(of: record, at: unsent, in: file, of: earlier)
                    }
                }
                if count > 0 { throw ImportOperationError.rowsForwarded(by: earlier.id, rows: count) }
            }
            return search
        }
    }

    private func remembered(_ scope: String, since earliest: Timestamp) async throws -> [RememberedImport] {
        try await context.engine.read { [context] transaction in
            try context.store.remembered(scope, since: earliest, in: transaction)
        }
    }

    /// Those whose own records are to be looked at. The rows of the others stand in joint records, and none that is asked
    /// for was found there.
    private func suspects(
        among remembered: [RememberedImport], for rows: AskedRows
    ) async throws -> (ids: Set<ImportID>, needsJoining: Bool) {
        var ids: Set<ImportID> = []
        var loose = 0
        var isOld = false
        for (name, imports) in Dictionary(grouping: remembered, by: { $0.joint?.name }) {
            if let name, let numbers = try await numbers(of: rows, in: name, imports) {
                for one in imports where one.joint.map({ numbers.contains($0.number) }) ?? true { ids.insert(one.id) }
                if !context.isFresh(joint: name) { isOld = true }
            } else {
                ids.formUnion(imports.map(\.id))
                loose += imports.count { $0.validRows <= JointRecord.smallImport }
            }
        }
        return (ids, isOld || loose > JointRecord.looseLimit)
    }

    /// Nil where the joint record is not there, or cannot be read.
    private func numbers(
        of rows: AskedRows, in name: String, _ imports: [RememberedImport]
    ) async throws -> Set<UInt32>? {
        let places = imports.compactMap { one in one.joint.map { ($0.number, one.countedPlaces) } }
        let counted = Dictionary(places) { first, _ in first }
        do {
            guard let file = try await context.files.open(name) else { return nil }
            return try await UploadSink.blocking { try JointRecord.numbers(of: rows, in: file, counted: counted) }
        } catch let error as FileStoreError {
            context.logger.warning(
                "a joint record of forwarded rows cannot be read", metadata: ["file": "\(name)", "error": "\(error)"])
            return nil
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
