import CausewayCore
import FileStore
import Logging
import Storage
import Vendor
import WorkQueue

/// Fetches one file of an export into the file store, however often it must be begun.
struct MirrorWork: Sendable {
    static let kind = "export.mirror"

    let context: ExportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: context.settings.mirror.concurrency) { item in try await run(item) }
    }

    /// Its key is the export's id and the file's place in it: `exp_…/0`.
    static func draft(_ export: ExportID, _ position: Int, dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: "\(export)/\(position)", dueAt: dueAt)
    }

    private func run(_ item: WorkItem) async throws -> WorkOutcome {
        let parts = item.key.split(separator: "/")
        guard parts.count == 2, let id = ExportID(parsing: parts[0]), let position = Int(parts[1]) else {
            return .bury("\(item.key) names no file of an export")
        }
        let found = try await context.engine.read { [context] transaction in
            (
                try context.store.export(id, in: transaction),
                try context.exportFiles.file(of: id, at: position, in: transaction)
            )
        }
        guard let export = found.0, let file = found.1, file.state == .pending else { return .done }
        guard export.status == .success else { return try await lose(file, item) }
        let transfer = MirrorTransfer(context: context, item: item, file: file)
        do {
            try await transfer.run()
            return .settled
        } catch MirrorTransfer.Interruption.broken(let error, let isMoving) {
            if Task.isCancelled { throw CancellationError() }
            return try await goOn(after: error, isMoving: isMoving, export, file, item)
        } catch FileStoreError.full {
            context.counters.add(.mirrorFull)
            context.logger.error(
                "the disk is full: a file of an export waits at the vendor until there is room",
                metadata: [
                    "export": "\(id)", "file": "\(file.name)", "expires_at": "\(export.expiresAt?.rfc3339 ?? "")",
                ])
            return .retry("the disk is full")
        }
    }

    /// - Parameter isMoving: whether more of it is there than before.
    private func goOn(
        after error: any Error, isMoving: Bool, _ export: Export, _ file: ExportFileRow, _ item: WorkItem
    ) async throws -> WorkOutcome {
        if case ExportOperationError.gone = error { return try await lose(file, item) }
        let now = context.time.now()
        let patience = export.expiresAt ?? (export.completedAt ?? export.requestedAt) + context.settings.silencePatience
        if !isMoving, export.expiresAt == nil, now >= patience {
            try await die(export.id)
            return try await lose(file, item)
        }
        context.logger.warning(
            "a file of an export is fetched again later",
            metadata: ["export": "\(export.id)", "file": "\(file.name)", "error": "\(error)"])
        let action = (error as? ExportOperationError)?.vendorError?.action
        switch action {
        case .retry(let after?): return .again(at: now + after)
        case .waitUntil(let time): return .again(at: time ?? now + .seconds(60))
        default: return isMoving ? .again(at: now + .seconds(1)) : .retry("\(error)")
        }
    }

    /// The vendor never said when its links die, and gives none for so long.
    private func die(_ id: ExportID) async throws {
        let contradictions = try await context.engine.write { [context] transaction -> [String] in
            let now = context.time.now()
            guard var export = try context.store.export(id, toChange: true, in: transaction) else { return [] }
            let consequences = export.linksDied(nil, at: now)
            return consequences.isEmpty ? [] : try context.commit(export, consequences, at: now, in: transaction)
        }
        context.tell(contradictions)
    }

    private func lose(_ file: ExportFileRow, _ item: WorkItem) async throws -> WorkOutcome {
        try await context.engine.write { [context] transaction in
            try context.exportFiles.lose(
                file, why: "The vendor's links died before the file was mirrored.", in: transaction)
            try context.queue.complete(item, at: context.time.now(), in: transaction)
        }
        if let name = file.storedName { await context.files.removeUnfinished(name) }
        context.logger.error(
            "a file of an export was lost: the vendor's links died before it was mirrored",
            metadata: ["export": "\(file.exportID)", "file": "\(file.name)"])
        return .settled
    }
}
