import CausewayCore
import FileStore
import Logging
import Storage
import Vendor
import WorkQueue

/// Brings an import to the vendor, one chunk at a time, in order: at most one sending whose outcome is not known.
///
/// 1. *Sending* is durable before the request goes out. Who finds it so later knows that it may have gone out.
/// 2. The request goes out once, on a connection of its own.
/// 3. What came of it is written down, even where the lease was lost meanwhile: an answer is never thrown away.
struct ImportForwardWork: Sendable {
    static let kind = "import.forward"

    let context: ImportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 4) { item in try await run(item) }
    }

    static func draft(_ id: ImportID, dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: id.text, dueAt: dueAt)
    }

    func run(_ item: WorkItem) async throws -> WorkOutcome {
        guard let id = ImportID(parsing: item.key) else { return .bury("\(item.key) names no import") }
        guard let sending = try await takeUp(id, item) else { return .settled }
        let answer = await send(sending, item)
        note(answer, sending)
        try await settle(id, item, sending.chunk, answer)
        return .settled
    }

    /// A piece that is written down as going out.
    private struct Sending {
        let found: Import
        let chunk: ImportChunk
        /// Nil where it is the file as it lies there.
        let extent: ChunkExtent?

        /// Where there are several, each has a name of its own: the vendor's reports name files.
        var filename: String {
            let name = found.filename ?? "\(found.object.rawValue).csv"
            guard extent != nil else { return name }
            let base = name.lowercased().hasSuffix(".csv") ? String(name.dropLast(4)) : name
            return "\(base)-\(chunk.number)-of-\(found.cut.count).csv"
        }
    }

    /// Nil where nothing is to be sent. Where nobody knows whether the commit holds, it is looked again: nothing has gone
    /// out yet, and the time names this attempt.
    private func takeUp(_ id: ImportID, _ item: WorkItem) async throws -> Sending? {
        let now = context.time.now()
        return try await CommitDoubt.lookAgain { try await takeUp(id, item, at: now, isFirstLook: $0) }
    }

    private func takeUp(
        _ id: ImportID, _ item: WorkItem, at now: Timestamp, isFirstLook: Bool
    ) async throws -> Sending? {
        let (taken, step, extent) = try await context.engine.write {
            [context] transaction -> (Import?, Import.ForwardStep, ChunkExtent?) in
            guard let before = try context.store.find(id, toChange: true, in: transaction) else {
                try context.queue.complete(item, at: now, in: transaction)
                return (nil, .settled([]), nil)
            }
            if !isFirstLook, let own = before.currentChunk, own.state == .sending, own.sentAt == now {
                try context.queue.renew(item, at: context.time.now(), in: transaction)
                let extent = try context.store.extent(of: own.number, id, in: transaction)
                return (before, .send(chunk: own.number), extent)
            }
            var found = before
            let step = found.takeUp(at: now)
            var consequences: [ImportConsequence] = []
            var extent: ChunkExtent?
            switch step {
            case .send(let number):
                // A process that was asleep leaves the sending to whoever has the item by now.
                try context.queue.renew(item, at: context.time.now(), in: transaction)
                if found.cut.count > 1 { extent = try context.store.extent(of: number, id, in: transaction) }
            case .settled(let following):
                consequences = following
                try context.queue.complete(item, at: now, in: transaction)
            }
            if found != before { try context.commit(found, from: before, consequences, at: now, in: transaction) }
            return (found, step, extent)
        }
        guard let taken else { return nil }
        if case .send = step, let chunk = taken.currentChunk {
            return Sending(found: taken, chunk: chunk, extent: extent)
        }
        if taken.state == .needsAttention {
            context.logger.error(
                "an import was cut short while it was sent: a person has to look", metadata: ["import": "\(id)"])
        }
        context.clean(after: taken)
        return nil
    }

    private func send(_ sending: Sending, _ item: WorkItem) async -> ImportForwardAnswer {
        let found = sending.found
        if let answer = missing(sending, item) { return answer }
        guard let object = ImportObjectName(rawValue: found.object.rawValue) else { return Self.fileLost }
        var upload = ImportUpload(
            object: object, filePath: context.files.path(context.fileName(found.id)),
            filename: sending.filename, group: found.group,
            sendInvites: found.object == .partners ? found.sendsInvites : nil)
        if let extent = sending.extent {
            upload.offset = extent.bytes.lowerBound
            upload.length = Int64(extent.bytes.count)
            do {
                upload.prefix = try await header(found.id, extent.headerLength)
            } catch {
                return unreadable(error, item)
            }
        }
        do {
            let said = try await context.vendor.importFile(upload)
            return .taken(said.whole)
        } catch let error as VendorError {
            return ImportForwardAnswer(
                error, backoff: WorkHandler.exponentialBackoff(item.attempt), now: context.time.now())
        } catch {
            // Cancelled while waiting for its turn: nothing went out.
            return .notTaken(nil, again: context.time.now())
        }
    }

    private func header(_ id: ImportID, _ length: Int64) async throws -> [UInt8] {
        guard let file = try await context.files.open(context.fileName(id)) else {
            throw FileStoreError.failed(detail: "the file of \(id) is not there any more")
        }
        var bytes: [UInt8] = []
        for try await part in file.chunks(0..<length) { bytes += part }
        return bytes
    }

    private func unreadable(_ error: any Error, _ item: WorkItem) -> ImportForwardAnswer {
        context.logger.error("uploads cannot be looked at", metadata: ["error": "\(error)"])
        return .notTaken(
            ImportError(
                code: "storage_unavailable", message: "The gateway's files cannot be read now. It is tried again."),
            again: context.time.now() + WorkHandler.exponentialBackoff(item.attempt))
    }

    /// Why nothing can be sent; nil where the file is there, and whole.
    private func missing(_ sending: Sending, _ item: WorkItem) -> ImportForwardAnswer? {
        let now = context.time.now()
        let again = now + WorkHandler.exponentialBackoff(item.attempt)
        let found = sending.found
        let needed = sending.extent?.bytes.upperBound ?? (found.isRewritten ? 1 : found.file.size)
        do {
            if let size = try context.files.size(of: context.fileName(found.id)), size >= needed { return nil }
        } catch {
            return unreadable(error, item)
        }
        let mayAppear =
            !context.engine.dialect.isSingleProcess
            && now.since(found.createdAt) < context.settings.visibilityDelay
        guard mayAppear else { return Self.fileLost }
        return .notTaken(
            ImportError(
                code: "file_not_visible",
                message: "The uploaded file is not yet visible to the gateway that sends it. It is tried again."),
            again: min(again, now + .seconds(10)))
    }

    private static let fileLost = ImportForwardAnswer.refused(
        ImportError(
            code: "file_lost",
            message: "The uploaded file is not in the gateway's data directory any more. Upload it again."))

    /// Tried again where the store fails: what the vendor answered is known here and nowhere else.
    private func settle(
        _ id: ImportID, _ item: WorkItem, _ chunk: ImportChunk, _ answer: ImportForwardAnswer
    ) async throws {
        try await CommitDoubt.insist(by: context.time) { error in
            context.logger.error(
                "an import's answer could not be written", metadata: ["import": "\(id)", "error": "\(error)"])
        } _: {
            try await write(id, item, chunk, answer)
        }
    }

    private func write(
        _ id: ImportID, _ item: WorkItem, _ chunk: ImportChunk, _ answer: ImportForwardAnswer
    ) async throws {
        let settled = try await context.engine.write { [context] transaction -> Import? in
            let now = context.time.now()
            guard let before = try context.store.find(id, toChange: true, in: transaction) else { return nil }
            var found = before
            var again: Timestamp?
            var consequences = answer.apply(
                to: &found, chunk: chunk.number, attempt: chunk.attempts, again: &again, at: now)
            if consequences.contains(.forward) {
                again = now
                consequences.removeAll { $0 == .forward }
            }
            if let again, found.state == .forwarding {
                do {
                    try context.queue.reschedule(
                        item, at: again, now: now, resetsAttempts: found.error == nil, error: found.error?.message,
                        in: transaction)
                } catch WorkQueueError.leaseLost {
                    try context.queue.enqueue(Self.draft(id, dueAt: again), at: now, in: transaction)
                }
            } else {
                do {
                    try context.queue.complete(item, at: now, in: transaction)
                } catch WorkQueueError.leaseLost {}
            }
            if found != before { try context.commit(found, from: before, consequences, at: now, in: transaction) }
            return found
        }
        if let settled { context.clean(after: settled) }
    }

    private func note(_ answer: ImportForwardAnswer, _ sending: Sending) {
        var metadata: Logger.Metadata = [
            "import": "\(sending.found.id)", "object": "\(sending.found.object.rawValue)",
            "chunk": "\(sending.chunk.number)", "chunks": "\(sending.found.cut.count)", "rows": "\(sending.chunk.rows)",
        ]
        if let error = answer.error { metadata["error"] = "\(error.message)" }
        switch answer {
        case .taken: context.logger.info("the vendor took an import", metadata: metadata)
        case .refused: context.logger.error("an import failed", metadata: metadata)
        case .lost: context.logger.error("an import's outcome is not known", metadata: metadata)
        case .notTaken(let error, _) where error?.code == "vendor_unauthorized":
            context.logger.error(
                "the vendor does not accept our keys: check vendor.public_key and vendor.secret_key",
                metadata: metadata)
        case .notTaken: context.logger.warning("an import is sent again later", metadata: metadata)
        }
    }
}
