import CSV
public import CausewayCore
import FileStore
import Foundation
public import Storage
import WorkQueue

/// What callers do with imports. Methods throw `ImportOperationError`, and `StorageError` where the store fails.
public struct ImportOperations: Sendable {
    /// Runs in the transaction of a change, with the changed import; what it throws undoes all.
    public typealias Recording = @Sendable (Import, any Transaction) throws -> Void

    let context: ImportContext

    init(_ context: ImportContext) { self.context = context }

    /// In bytes, after decoding.
    public var maximumSize: Int64 { context.settings.maximumSize }

    // MARK: Uploading

    /// What is wrong with a request, before its body is read.
    public func check(_ request: ImportRequest) throws(ImportOperationError) {
        let mistakes = request.mistakes(context.catalog.schema(request.object, group: request.group))
        guard mistakes.isEmpty else { throw .invalid(mistakes) }
        if let label = request.charset, CSVCharset(label: label) == nil { throw .unsupportedCharset(label) }
    }

    /// Takes a file: it is checked while it arrives and durable before it is accepted. A refused file is an import
    /// too, in the state `rejected`.
    /// - Parameter feed: writes the file's bytes, in order. What it throws ends the upload, and nothing is kept.
    public func upload(
        _ request: ImportRequest, recording: @escaping Recording = { _, _ in },
        _ feed: (UploadSink) async throws -> Void
    ) async throws -> Import {
        try await upload(request, spooled: nil, recording: recording, feed)
    }

    /// - Parameter spooled: where the bytes that are fed lie already; the import's file is made of it.
    func upload(
        _ request: ImportRequest, spooled: PartialFile?, recording: @escaping Recording,
        _ feed: (UploadSink) async throws -> Void
    ) async throws -> Import {
        try check(request)
        let id = ImportID(at: context.time.now())
        let schema = context.catalog.schema(request.object, group: request.group)
        let name = context.fileName(id)
        let sink = try await Self.translatingFull {
            let check = ImportCheck(
                schema: schema, charset: request.charset.flatMap { CSVCharset(label: $0) },
                chunkRows: context.settings.chunkRows, firstProblems: context.settings.shownProblems,
                scratch: RowScratch(directory: context.files.directory))
            if let spooled {
                return UploadSink(spooled: spooled, files: context.files, check: check, maximumSize: maximumSize)
            }
            return UploadSink(writer: try context.files.create(name), check: check, maximumSize: maximumSize)
        }
        let result: Result<Import, any Error>
        do {
            try await feed(sink)
            let checked = try await sink.finish()
            var wanted = request
            wanted.filename = request.filename ?? sink.filename
            result = .success(try await accept(sink, checked, wanted, id, recording))
        } catch {
            result = .failure(error)
        }
        await sink.discard()
        return try result.get()
    }

    /// Decides what becomes of a file and writes that down. Where another import of the same object is accepted between
    /// the look at earlier rows and the commit, it is looked again.
    private func accept(
        _ sink: UploadSink, _ checked: CheckedUpload, _ request: ImportRequest, _ id: ImportID,
        _ recording: @escaping Recording
    ) async throws -> Import {
        let schema = context.catalog.schema(request.object, group: request.group)
        var search = ForwardedSearch()
        // Held open: it is read again where more rows are refused, and what is forwarded may have taken its name then.
        let received = try UploadSink.reading(sink.unfinishedPath)
        defer { try? received.close() }
        let source = "/proc/self/fd/\(received.fileDescriptor)"
        var before: Import?
        var said = checked
        do {
            try await refuseKnown(checked, request, id, schema)
            while true {
                let known = search.refused.count
                search = try await searched(search, checked, request)
                if before == nil || search.refused.count > known {
                    said = try await completed(checked, search, schema, source)
                    let new = Import(
                        id: id, request: request, filename: request.filename, checked: said, schema: schema,
                        settings: context.settings, at: context.time.now())
                    guard new.cut.count <= ImportCut.limit else {
                        throw ImportOperationError.tooManyRows(new.rows.valid, chunkRows: new.cut.rowsEach)
                    }
                    await keepRejectedRows(of: id, schema, said, at: source)
                    said.summary.offsets = try await keep(sink, said, new, insteadOf: before, source)
                    before = new
                }
                guard let new = before else { continue }
                do {
                    return try await insert(new, said, search, recording)
                } catch is RowsOvertaken {}
            }
        } catch StorageError.connectionLost(commitSent: true) {
            // It may be on record: the sweep decides about the files.
            throw StorageError.connectionLost(commitSent: true)
        } catch {
            for name in context.names(of: id) { context.files.remove(name) }
            throw error
        }
    }

    /// The same file again is told as such, and not as so many rows that went out before.
    private func refuseKnown(
        _ checked: CheckedUpload, _ request: ImportRequest, _ id: ImportID, _ schema: ObjectSchema
    ) async throws {
        guard schema.remembersRows else { return }
        let now = context.time.now()
        let wanted = Import(
            id: id, request: request, filename: request.filename, checked: checked, schema: schema,
            settings: context.settings, at: now)
        guard wanted.countsAsDuplicate else { return }
        try await context.engine.read { [context] transaction in
            try Self.refuseDuplicate(wanted, context, locks: false, at: now, in: transaction)
        }
    }

    /// With what shows only when all rows are known, in words.
    private func completed(
        _ checked: CheckedUpload, _ search: ForwardedSearch, _ schema: ObjectSchema, _ path: String
    ) async throws -> CheckedUpload {
        try await UploadSink.blocking {
            var said = checked
            said.summary.lateImports = search.imports.map(\.text)
            said.summary.refuse(search.refused, search.findings)
            said.warnings = try said.summary.complete(&said.problems, schema: schema, rereading: path)
            return said
        }
    }

    /// Keeps what is forwarded, and which rows these are.
    /// - Parameters:
    ///   - before: what was to become of the file until more of its rows were refused.
    ///   - source: the file as it came.
    /// - Returns: where the pieces of what is forwarded begin.
    private func keep(
        _ sink: UploadSink, _ checked: CheckedUpload, _ new: Import, insteadOf before: Import?, _ source: String
    ) async throws -> ChunkOffsets {
        let name = context.fileName(new.id)
        var offsets = checked.summary.offsets
        if new.state.isOver {
            // Of what would have gone out before the rest was refused.
            for unneeded in [name, context.recordName(new.id)] where before != nil { context.files.remove(unneeded) }
            return offsets
        }
        if new.isRewritten {
            let rewriting = RewrittenFile(
                schema: context.catalog.schema(new.object, group: new.group), summary: checked.summary,
                files: context.files, source: source, name: name)
            offsets = try await UploadSink.blocking { try rewriting.write() }
        } else {
            try await sink.keep(as: name)
        }
        if new.rowScope != nil {
            try await UploadSink.blocking { [context] in
                try RowRecord.write(
                    checked.summary.sortedRows, without: checked.summary.leftOutRows, to: context.files,
                    as: context.recordName(new.id))
            }
        }
        return offsets
    }

    private func insert(
        _ new: Import, _ checked: CheckedUpload, _ search: ForwardedSearch, _ recording: @escaping Recording
    ) async throws -> Import {
        try await context.engine.write { [context] transaction in
            let now = context.time.now()
            if new.countsAsDuplicate { try Self.refuseDuplicate(new, context, at: now, in: transaction) }
            if new.countsAsDuplicate { try Self.refuseOvertaken(new, search, context, at: now, in: transaction) }
            try context.store.insert(new, in: transaction)
            if new.cut.count > 1 { try context.store.insert(checked.summary.offsets, of: new.id, in: transaction) }
            try context.problems.insert(checked.problems, warnings: checked.warnings, of: new.id, in: transaction)
            if new.state == .forwarding {
                try context.follow(new, [.forward], at: now, in: transaction)
            }
            if search.needsJoining, let scope = new.rowScope {
                try context.queue.enqueue(ImportJoinWork.draft(scope, dueAt: now), at: now, in: transaction)
            }
            var stored = new
            stored.revision = 1
            try recording(stored, transaction)
            return stored
        }
    }

    /// Two that race wait for one another here, so that the second sees the first.
    static func refuseDuplicate(
        _ wanted: Import, _ context: ImportContext, isRetry: Bool = false, locks: Bool = true, at now: Timestamp,
        in transaction: any Transaction
    ) throws {
        guard let others = OtherImports(of: wanted, isRetry: isRetry) else { return }
        let earliest = context.earliest(for: wanted, isRetry: isRetry, at: now)
        // Always in this order, so that no two wait for one another.
        if locks { try transaction.lock("import:\(wanted.fingerprint)") }
        if let first = try context.store.same(
            .bytes(fingerprint: wanted.fingerprint), since: earliest, among: others, in: transaction),
            !wanted.mayBringTheRest(of: first)
        {
            throw ImportOperationError.duplicate(of: first.id, at: first.createdAt, isSameBytes: true)
        }
        guard let rows = wanted.contentFingerprint else { return }
        if locks { try transaction.lock("import rows:\(rows)") }
        if let first = try context.store.same(
            .rows(fingerprint: rows), since: earliest, among: others, in: transaction),
            !wanted.mayBringTheRest(of: first)
        {
            throw ImportOperationError.duplicate(of: first.id, at: first.createdAt, isSameBytes: false)
        }
    }

    static func translatingFull<Result>(_ body: () async throws -> Result) async throws -> Result {
        do {
            return try await body()
        } catch FileStoreError.full {
            throw ImportOperationError.diskFull
        }
    }

    // MARK: Deciding

    /// - Parameter caller: the key that approves; not the one that uploaded.
    public func approve(_ id: ImportID, caller: String, recording: @escaping Recording = { _, _ in }) async throws
        -> Import
    {
        try await change(id, recording) { found, now, _ in try found.approve(by: caller, at: now) }
    }

    /// Nothing more of it goes out. While a chunk is on its way it is only noted (`Import.cancelRequestedAt`).
    public func cancel(_ id: ImportID, recording: @escaping Recording = { _, _ in }) async throws -> Import {
        let cancelled = try await change(id, recording) { found, now, _ in
            try found.cancel(at: now)
            return []
        }
        context.clean(after: cancelled)
        return cancelled
    }

    public func resolve(
        _ id: ImportID, chunk number: Int, as resolution: ChunkResolution,
        recording: @escaping Recording = { _, _ in }
    ) async throws -> Import {
        let resolved = try await change(id, recording) { found, now, _ in
            try found.resolve(number, as: resolution, at: now)
        }
        context.clean(after: resolved)
        return resolved
    }

    func change(
        _ id: ImportID, _ recording: @escaping Recording,
        _ decide: @escaping @Sendable (inout Import, Timestamp, any Transaction) throws -> [ImportConsequence]
    ) async throws -> Import {
        try await context.engine.write { [context] transaction in
            let now = context.time.now()
            guard let before = try context.store.find(id, toChange: true, in: transaction) else {
                throw ImportOperationError.notFound
            }
            var found = before
            let consequences = try decide(&found, now, transaction)
            if found != before {
                try context.commit(found, from: before, consequences, at: now, in: transaction)
                found.revision += 1
            }
            try recording(found, transaction)
            return found
        }
    }
}
