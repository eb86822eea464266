import CSV
public import CausewayCore
import FileStore
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
                chunkRows: context.settings.chunkRows, firstProblems: context.settings.shownProblems)
            if let spooled {
                return UploadSink(spooled: spooled, files: context.files, check: check, maximumSize: maximumSize)
            }
            return UploadSink(writer: try context.files.create(name), check: check, maximumSize: maximumSize)
        }
        let taken: (new: Import, problems: [RowProblem], offsets: ChunkOffsets)
        do {
            try await feed(sink)
            let checked = try await sink.finish()
            let new = Import(
                id: id, request: request, filename: request.filename ?? sink.filename, checked: checked,
                schema: schema, settings: context.settings, at: context.time.now())
            guard new.cut.count <= ImportCut.limit else {
                throw ImportOperationError.tooManyRows(new.rows.valid, chunkRows: new.cut.rowsEach)
            }
            await keepRejectedRows(of: id, schema, checked, at: sink.unfinishedPath)
            let offsets = new.state.isOver ? checked.summary.offsets : try await keep(sink, checked, new)
            taken = (new, checked.problems, offsets)
        } catch {
            await sink.discard()
            context.files.remove(context.rejectedName(id))
            throw error
        }
        await sink.discard()
        return try await insert(taken.new, taken.problems, taken.offsets, recording)
    }

    /// Keeps what is forwarded. Returns where its pieces begin.
    private func keep(_ sink: UploadSink, _ checked: CheckedUpload, _ new: Import) async throws -> ChunkOffsets {
        let name = context.fileName(new.id)
        guard new.isRewritten else {
            try await sink.keep(as: name)
            return checked.summary.offsets
        }
        let rewriting = RewrittenFile(
            schema: context.catalog.schema(new.object, group: new.group), summary: checked.summary,
            files: context.files, source: sink.unfinishedPath, name: name)
        return try await UploadSink.blocking { try rewriting.write() }
    }

    private func insert(
        _ new: Import, _ problems: [RowProblem], _ offsets: ChunkOffsets, _ recording: @escaping Recording
    ) async throws -> Import {
        do {
            return try await context.engine.write { [context] transaction in
                let now = context.time.now()
                if new.countsAsDuplicate { try Self.refuseDuplicate(new, context, at: now, in: transaction) }
                try context.store.insert(new, in: transaction)
                if new.cut.count > 1 { try context.store.insert(offsets, of: new.id, in: transaction) }
                try context.problems.insert(problems, of: new.id, in: transaction)
                if new.state == .forwarding {
                    try context.follow(new, [.forward], at: now, in: transaction)
                }
                var stored = new
                stored.revision = 1
                try recording(stored, transaction)
                return stored
            }
        } catch StorageError.connectionLost(commitSent: true) {
            // It may be on record: the sweep decides about the file.
            throw StorageError.connectionLost(commitSent: true)
        } catch {
            context.files.remove(context.fileName(new.id))
            context.files.remove(context.rejectedName(new.id))
            throw error
        }
    }

    /// Two that race wait for one another here, so that the second sees the first.
    private static func refuseDuplicate(
        _ wanted: Import, _ context: ImportContext, at now: Timestamp, in transaction: any Transaction
    ) throws {
        guard !wanted.isForced else { return }
        try transaction.lock("import:\(wanted.fingerprint)")
        if let first = try context.store.same(
            as: wanted.fingerprint, since: now - context.settings.duplicateWindow, otherThan: wanted.id,
            in: transaction)
        {
            throw ImportOperationError.duplicate(of: first.id, at: first.createdAt)
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

    public func retry(_ id: ImportID, recording: @escaping Recording = { _, _ in }) async throws -> Import {
        try await change(id, recording) { [context] found, now, transaction in
            let didCount = found.countsAsDuplicate
            let consequences = try found.retry()
            if !didCount { try Self.refuseDuplicate(found, context, at: now, in: transaction) }
            return consequences
        }
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

    private func change(
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
