public import CausewayCore
import FileStore
import Logging
public import Storage

/// What callers do with uploads that come in several requests. Methods throw `ResumableUploadError`,
/// `ImportOperationError`, and `StorageError` where the store fails.
///
/// One request at a time has an upload: it holds the lock of its file, which goes with the process. One that comes while
/// another is at it has that one end, since the caller would not come again if the other were alive; what that one
/// received stays.
public struct ResumableUploads: Sendable {
    let context: ImportContext
    private let operations: ImportOperations
    private let spool: UploadSpool
    /// How long a request waits for the one before it to end; that may be reading a large file through.
    private static let patience = Duration.seconds(60)

    init(_ context: ImportContext, _ operations: ImportOperations) {
        self.context = context
        self.operations = operations
        spool = UploadSpool(context)
    }

    static func freed(_ id: UploadID) -> SignalTopic { SignalTopic("upload-freed:\(id)") }

    /// In bytes, as they are transferred and as they are unpacked.
    public var maximumSize: Int64 { context.settings.maximumSize }

    public func remainingTime(of upload: ResumableUpload) -> Duration {
        max(.zero, upload.expiresAt.since(context.time.now()))
    }

    // MARK: Creating, looking, cancelling

    /// - Parameter recording: runs in the transaction of the creation.
    public func create(
        _ request: ImportRequest, headers: [String: String], length: Int64?,
        recording: @escaping @Sendable (ResumableUpload, any Transaction) throws -> Void
    ) async throws -> ResumableUpload {
        try operations.check(request)
        if let length, length > maximumSize { throw ImportOperationError.tooLarge(maximumSize) }
        let now = context.time.now()
        let new = ResumableUpload(
            id: UploadID(at: now), caller: request.caller, request: request, headers: headers, received: 0,
            length: length, isComplete: false, createdAt: now, expiresAt: now + context.settings.unfinishedRetention)
        try await ImportOperations.translatingFull { try await spool.create(new.fileName) }
        try await context.engine.write { [context] transaction in
            try context.uploads.insert(new, in: transaction)
            try recording(new, transaction)
        }
        return new
    }

    /// Where it stands, when whoever was writing to it has ended: a request that goes on from there is taken.
    public func find(_ id: UploadID, caller: String) async throws -> ResumableUpload {
        let found = try await own(id, caller)
        if found.isComplete { return found }
        let held = try await hold(id, caller: caller)
        defer { held.letGo() }
        return held.upload
    }

    /// Removes it; an import that it became stays.
    public func cancel(
        _ id: UploadID, caller: String,
        recording: @escaping @Sendable (ResumableUpload, any Transaction) throws -> Void
    ) async throws -> ResumableUpload {
        let held = try await hold(id, caller: caller)
        defer { held.letGo() }
        let upload = held.upload
        try await context.engine.write { [context] transaction in
            guard try context.uploads.remove(id, in: transaction) else { throw ResumableUploadError.notFound }
            try recording(upload, transaction)
        }
        await spool.remove(upload.fileName)
        return upload
    }

    private func own(_ id: UploadID, _ caller: String) async throws -> ResumableUpload {
        let found = try await context.engine.read { [context] in try context.uploads.find(id, in: $0) }
        guard let found, found.caller == caller, found.expiresAt > context.time.now() else {
            throw ResumableUploadError.notFound
        }
        return found
    }

    // MARK: Writing

    /// Makes this request the only one at the upload. Whoever gets it must let it go.
    public func hold(_ id: UploadID, caller: String) async throws -> HeldUpload {
        var claim: String?
        let deadline = context.time.now() + Self.patience
        return try await context.engine.signals.withSubscription(to: [Self.freed(id)]) { signal in
            while true {
                let found = try await own(id, caller)
                if let claim, found.claim != claim { throw ResumableUploadError.overtaken }
                // What came of it is known, and there is no file any more.
                if found.importID != nil || found.refusal != nil {
                    return HeldUpload(found, nil, context)
                }
                if let file = try await spool.take(found.fileName) {
                    // Read again: the one before may have written until now.
                    let upload = try await own(id, caller)
                    if upload.importID != nil || upload.refusal != nil { continue }
                    guard try await file.cut(to: upload.received) else { throw lost(upload) }
                    return HeldUpload(upload, file, context)
                }
                let now = context.time.now()
                if !spool.has(found.fileName), now.since(found.createdAt) > context.settings.visibilityDelay {
                    throw lost(found)
                }
                guard now < deadline else { throw ResumableUploadError.busy }
                if claim == nil {
                    let own = RandomToken.make()
                    try await context.engine.write { [context] in try context.uploads.claim(id, as: own, in: $0) }
                    claim = own
                }
                _ = try await signal.next(until: min(deadline, now + .seconds(1)), by: context.time)
            }
        }
    }

    private func lost(_ upload: ResumableUpload) -> ResumableUploadError {
        context.logger.error(
            "an upload's file is gone, or shorter than it was", metadata: ["upload": "\(upload.id)"])
        return .notFound
    }

    /// Takes the bytes of one request.
    /// - Parameters:
    ///   - offset: where they belong, as the caller believes.
    ///   - length: of the whole, where the caller says so.
    ///   - completes: they are the last.
    ///   - onCheckpoint: see `HeldUpload.append`.
    ///   - feed: writes the bytes, in order. Where it throws `UploadInterrupted`, what came until then stays; after any
    ///     other error nothing of this request does that was not told of.
    public func append(
        to held: HeldUpload, at offset: Int64, length: Int64?, completes: Bool,
        onCheckpoint: (@Sendable (Int64) async -> Void)?,
        _ feed: @escaping @Sendable (_ write: @escaping @Sendable ([UInt8]) async throws -> Void) async throws -> Void
    ) async throws {
        let before = held.upload
        guard offset == before.received else {
            throw ResumableUploadError.wrongOffset(
                actual: before.received, given: offset, isComplete: before.isComplete)
        }
        guard !before.isComplete || completes else { throw ResumableUploadError.complete(size: before.received) }
        // The same end again: its answer was lost.
        if before.isComplete {
            try await feed { bytes in
                if !bytes.isEmpty { throw ResumableUploadError.complete(size: before.received) }
            }
            return
        }
        if let length {
            guard before.length ?? length == length, length >= offset else {
                throw ResumableUploadError.wrongLength(
                    "The upload has \(before.length ?? offset) bytes, and this request says \(length).")
            }
            guard length <= maximumSize else { throw ImportOperationError.tooLarge(maximumSize) }
        }
        if let length, before.length == nil { held.announce(length) }
        do {
            try await unlessClaimed(held) {
                try await feed { try await held.append($0, onCheckpoint: onCheckpoint) }
            }
            if completes, let length = held.upload.length, try held.open().size != length {
                throw ResumableUploadError.wrongLength(
                    "The upload was announced with \(length) bytes, and ends with \(try held.open().size).")
            }
        } catch {
            // What broke off stays, what is wrong does not, nor what it said of the length.
            if !Self.isInterruption(error) {
                try await held.rollBack()
                held.announce(before.length)
            }
            // Also where this task is being cancelled.
            try await Task { try await held.checkpoint { _ in } }.value
            throw error
        }
        try await held.checkpoint { upload in
            guard completes else { return }
            upload.isComplete = true
            upload.length = upload.received
        }
    }

    private static func isInterruption(_ error: any Error) -> Bool {
        switch error {
        case ImportOperationError.uploadBroken, ResumableUploadError.overtaken: true
        default: error is CancellationError
        }
    }

    private func unlessClaimed(
        _ held: HeldUpload, _ body: @escaping @Sendable () async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await body()
                return true
            }
            group.addTask {
                try await held.untilClaimed()
                return false
            }
            let isDone = try await group.next() ?? false
            group.cancelAll()
            if isDone { return }
            // The last write has to end before anything else is done to the file.
            while await group.nextResult() != nil {}
            throw ResumableUploadError.overtaken
        }
    }

    // MARK: Completing

    /// What a complete upload becomes: the import, by the same way as a file that came in one request. Once it is known
    /// it is what it was.
    /// - Parameters:
    ///   - isPacked: the file is not the bytes as they were transferred.
    ///   - refusal: what is kept of an error that another try cannot change; nil for others.
    ///   - feed: writes the file's bytes; is handed what reads those that were transferred.
    public func complete(
        _ held: HeldUpload, isPacked: Bool, recording: @escaping ImportOperations.Recording,
        refusal: @escaping @Sendable (any Error) -> JSONValue?,
        _ feed: (_ read: (_ take: ([UInt8]) async throws -> Void) async throws -> Void, UploadSink) async throws -> Void
    ) async throws -> Import {
        let upload = held.upload
        if let refusal = upload.refusal { throw ResumableUploadError.refused(refusal) }
        if let id = upload.importID { return try await operations.find(id) }
        let file = try held.open()
        do {
            let made = try await operations.upload(
                upload.request, spooled: isPacked ? nil : file,
                recording: { [context] new, transaction in
                    guard try context.uploads.complete(upload.id, as: new.id, in: transaction) else {
                        throw ResumableUploadError.notFound
                    }
                    try recording(new, transaction)
                }
            ) { sink in
                try await feed(
                    { take in for try await bytes in try file.content().chunks() { try await take(bytes) } }, sink)
            }
            await spool.remove(upload.fileName)
            return made
        } catch {
            // A commit whose answer was lost can come true late: then this is the same file a second time.
            if let id = try await context.engine.read({ [context] in try context.uploads.find(upload.id, in: $0) })?
                .importID
            {
                await spool.remove(upload.fileName)
                return try await operations.find(id)
            }
            if let words = refusal(error) {
                try await held.checkpoint { $0.refusal = words }
                await spool.remove(upload.fileName)
            }
            throw error
        }
    }
}
