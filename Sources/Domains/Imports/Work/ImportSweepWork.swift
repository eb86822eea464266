import CausewayCore
import FileStore
import Logging
import Storage
import WorkQueue

/// Removes files that no import needs any more: they hold personal data, so they do not lie around.
struct ImportSweepWork: Sendable {
    static let kind = "import.sweep"

    let context: ImportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 1) { _ in
            try await sweep(isStart: false)
            return .again(at: context.time.now() + context.settings.sweepInterval)
        }
    }

    static func draft(dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: "", dueAt: dueAt)
    }

    /// - Parameter isStart: no upload runs yet in this process. Where it is the only one, a file without an import
    ///   belongs to nobody; where there are others, one of them may be writing it.
    func sweep(isStart: Bool) async throws {
        let isAlone = isStart && context.engine.dialect.isSingleProcess
        let past = isAlone ? nil : context.time.now() - context.settings.unclaimedRetention
        let broken = try context.files.removeUnfinished(notWrittenSince: past)
        if broken > 0 { context.logger.notice("broken uploads removed", metadata: ["files": "\(broken)"]) }
        var removed = 0
        for name in try context.files.names() where name.hasSuffix(".csv") {
            guard let id = ImportID(parsing: name.dropLast(4)) else { continue }
            let found = try await context.engine.read { [context] in try context.store.find(id, in: $0) }
            guard try found.map(isDone) ?? isUnclaimed(name, past) else { continue }
            context.files.remove(name)
            removed += 1
        }
        if removed > 0 { context.logger.info("uploads removed", metadata: ["files": "\(removed)"]) }
    }

    private func isDone(_ found: Import) -> Bool {
        if found.state == .failed, let endedAt = found.endedAt {
            return context.time.now().since(endedAt) >= context.settings.failedRetention
        }
        return found.state.isOver
    }

    /// One that is being accepted has its file before its row.
    private func isUnclaimed(_ name: String, _ past: Timestamp?) throws -> Bool {
        guard let past else { return true }
        return try context.files.modified(name).map { $0 < past } ?? false
    }
}
