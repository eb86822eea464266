import CausewayCore
import FileStore
import Storage
import Synchronization

/// A resumable upload in the hands of one request, which alone may write to its file until it lets go.
public final class HeldUpload: Sendable {
    private let state: Mutex<ResumableUpload>
    /// Nil where it is known what came of it.
    private let file: PartialFile?
    private let context: ImportContext
    /// What stood in the row when it was taken: any other text is somebody else's wish to write.
    private let claim: String?
    /// Bytes between two looks at the disk; as many may be lost when a process dies.
    private static let checkpointDistance: Int64 = 16 << 20

    init(_ upload: ResumableUpload, _ file: PartialFile?, _ context: ImportContext) {
        state = Mutex(upload)
        self.file = file
        self.context = context
        claim = upload.claim
    }

    public var upload: ResumableUpload { state.withLock(\.self) }

    func open() throws(ResumableUploadError) -> PartialFile {
        guard let file else { throw .notFound }
        return file
    }

    /// - Parameter length: nil where nobody has said it after all.
    func announce(_ length: Int64?) { state.withLock { $0.length = length } }

    /// The next bytes. Throws `ImportOperationError` and `ResumableUploadError`.
    /// - Parameter onCheckpoint: told of the new offset each time one is on the disk for good; nil: not before all of a
    ///   request is there and found right.
    func append(_ bytes: [UInt8], onCheckpoint: (@Sendable (Int64) async -> Void)?) async throws {
        let file = try open()
        let end = file.size + Int64(bytes.count)
        guard end <= context.settings.maximumSize else {
            throw ImportOperationError.tooLarge(context.settings.maximumSize)
        }
        if let length = upload.length, end > length {
            throw ResumableUploadError.wrongLength("More was sent than the \(length) bytes that were announced.")
        }
        try await ImportOperations.translatingFull { try await file.append(bytes) }
        if let onCheckpoint, file.size - upload.received >= Self.checkpointDistance {
            try await checkpoint { _ in }
            await onCheckpoint(upload.received)
        }
    }

    /// Makes all that was appended durable, and writes it down with `change`.
    func checkpoint(_ change: (inout ResumableUpload) -> Void) async throws {
        var received = upload.received
        if let file { received = try await ImportOperations.translatingFull { try await file.checkpoint() } }
        let expiresAt = context.time.now() + context.settings.unfinishedRetention
        let changed = state.withLock { [received] upload in
            upload.received = received
            upload.expiresAt = expiresAt
            change(&upload)
            return upload
        }
        try await context.engine.write { [context] in try context.uploads.update(changed, in: $0) }
    }

    /// Drops what was appended since the last checkpoint.
    func rollBack() async throws { _ = try await open().cut(to: upload.received) }

    /// Returns when another wants to write.
    func untilClaimed() async throws {
        let id = upload.id
        try await context.engine.signals.withSubscription(to: [ResumableUploadStore.topic(id)]) { signal in
            while true {
                let found = try await context.engine.read { [context] in try context.uploads.find(id, in: $0) }
                if found?.claim != claim { return }
                // Looked at besides: another gateway's signal may be lost.
                _ = try await signal.next(until: context.time.now() + .seconds(2), by: context.time)
            }
        }
    }

    /// Lets the next one in.
    public func letGo() {
        file?.release()
        context.engine.signals.post(ResumableUploads.freed(upload.id))
    }
}
