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
        guard let (sending, number) = try await takeUp(id, item) else { return .settled }
        let attempt = sending.chunks.first { $0.number == number }?.attempts ?? 0
        let answer = await send(sending, item)
        note(answer, sending)
        try await settle(id, item, chunk: number, attempt: attempt, answer)
        return .settled
    }

    /// Nil where nothing is to be sent. Where nobody knows whether the commit holds, it is looked again: nothing has gone
    /// out yet, and the time names this attempt.
    private func takeUp(_ id: ImportID, _ item: WorkItem) async throws -> (Import, Int)? {
        let now = context.time.now()
        return try await CommitDoubt.lookAgain { try await takeUp(id, item, at: now, isFirstLook: $0) }
    }

    private func takeUp(
        _ id: ImportID, _ item: WorkItem, at now: Timestamp, isFirstLook: Bool
    ) async throws -> (Import, Int)? {
        let (taken, step) = try await context.engine.write { [context] transaction -> (Import?, Import.ForwardStep) in
            guard let before = try context.store.find(id, toChange: true, in: transaction) else {
                try context.queue.complete(item, at: now, in: transaction)
                return (nil, .settled([]))
            }
            if !isFirstLook, let own = before.chunks.first(where: { $0.state == .sending && $0.sentAt == now }) {
                try context.queue.renew(item, at: context.time.now(), in: transaction)
                return (before, .send(chunk: own.number))
            }
            var found = before
            let step = found.takeUp(at: now)
            var consequences: [ImportConsequence] = []
            switch step {
            // A process that was asleep leaves the sending to whoever has the item by now.
            case .send: try context.queue.renew(item, at: context.time.now(), in: transaction)
            case .settled(let following):
                consequences = following
                try context.queue.complete(item, at: now, in: transaction)
            }
            if found != before { try context.commit(found, from: before, consequences, at: now, in: transaction) }
            return (found, step)
        }
        guard let taken else { return nil }
        if case .send(let number) = step { return (taken, number) }
        if taken.state == .needsAttention {
            context.logger.error(
                "an import was cut short while it was sent: a person has to look", metadata: ["import": "\(id)"])
        }
        context.clean(after: taken)
        return nil
    }

    private func send(_ sending: Import, _ item: WorkItem) async -> ImportForwardAnswer {
        let name = context.fileName(sending.id)
        if let answer = missing(name, sending, item) { return answer }
        guard let object = ImportObjectName(rawValue: sending.object.rawValue) else { return Self.fileLost }
        let upload = ImportUpload(
            object: object, filePath: context.files.path(name),
            filename: sending.filename ?? "\(sending.object.rawValue).csv", group: sending.group,
            sendInvites: sending.object == .partners ? sending.sendsInvites : nil)
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

    /// Why nothing can be sent; nil where the file is there.
    private func missing(_ name: String, _ sending: Import, _ item: WorkItem) -> ImportForwardAnswer? {
        let now = context.time.now()
        let again = now + WorkHandler.exponentialBackoff(item.attempt)
        do {
            if try context.files.size(of: name) != nil { return nil }
        } catch {
            context.logger.error("uploads cannot be looked at", metadata: ["error": "\(error)"])
            return .notTaken(
                ImportError(
                    code: "storage_unavailable", message: "The gateway's files cannot be read now. It is tried again."),
                again: again)
        }
        let mayAppear =
            !context.engine.dialect.isSingleProcess
            && now.since(sending.createdAt) < context.settings.visibilityDelay
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
        _ id: ImportID, _ item: WorkItem, chunk: Int, attempt: Int, _ answer: ImportForwardAnswer
    ) async throws {
        try await CommitDoubt.insist(by: context.time) { error in
            context.logger.error(
                "an import's answer could not be written", metadata: ["import": "\(id)", "error": "\(error)"])
        } _: {
            try await write(id, item, chunk: chunk, attempt: attempt, answer)
        }
    }

    private func write(
        _ id: ImportID, _ item: WorkItem, chunk: Int, attempt: Int, _ answer: ImportForwardAnswer
    ) async throws {
        let settled = try await context.engine.write { [context] transaction -> Import? in
            let now = context.time.now()
            guard let before = try context.store.find(id, toChange: true, in: transaction) else { return nil }
            var found = before
            var again: Timestamp?
            var consequences = answer.apply(to: &found, chunk: chunk, attempt: attempt, again: &again, at: now)
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

    private func note(_ answer: ImportForwardAnswer, _ sending: Import) {
        var metadata: Logger.Metadata = [
            "import": "\(sending.id)", "object": "\(sending.object.rawValue)", "rows": "\(sending.rows.valid)",
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
