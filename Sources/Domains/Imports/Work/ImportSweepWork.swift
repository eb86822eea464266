import CausewayCore
import FileStore
import Logging
import Storage
import WorkQueue

/// Ends what nobody has approved in time, and removes what nobody needs any more: files hold personal data, so they do not
/// lie around, and imports that ended long ago go with their errors. What was done stays in the audit log.
struct ImportSweepWork: Sendable {
    static let kind = "import.sweep"
    /// Rows removed in one transaction.
    private static let batch = 500

    let context: ImportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 1) { _ in
            try await sweep()
            return .again(at: context.time.now() + context.settings.sweepInterval)
        }
    }

    static func draft(dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: "", dueAt: dueAt)
    }

    func sweep() async throws {
        try await expireUnapproved()
        try await removeFiles(isStart: false)
        try await removeOld()
    }

    private func expireUnapproved() async throws {
        let ids = try await context.engine.read { [context] transaction in
            try context.store.unapproved(at: context.time.now(), limit: Self.batch, in: transaction)
        }
        for id in ids {
            let expired = try await context.engine.write { [context] transaction -> Import? in
                let now = context.time.now()
                guard let before = try context.store.find(id, toChange: true, in: transaction) else { return nil }
                var found = before
                let consequences = found.expire(at: now)
                guard found != before else { return nil }
                try context.commit(found, from: before, consequences, at: now, in: transaction)
                return found
            }
            guard let expired else { continue }
            context.clean(after: expired)
            context.logger.warning("nobody approved an import in time", metadata: ["import": "\(id)"])
        }
    }

    // MARK: Files

    /// - Parameter isStart: no upload runs yet in this process. Where it is the only one, a file without an import
    ///   belongs to nobody; where there are others, one of them may be writing it.
    func removeFiles(isStart: Bool) async throws {
        let isAlone = isStart && context.engine.dialect.isSingleProcess
        let past = isAlone ? nil : context.time.now() - context.settings.unclaimedRetention
        let broken = try context.files.removeUnfinished(notWrittenSince: past)
        if broken > 0 { context.logger.notice("broken uploads removed", metadata: ["files": "\(broken)"]) }
        var removed = 0
        for name in try context.files.names() where name.hasSuffix(".csv") || name.hasSuffix(RowRecord.suffix) {
            guard let id = ImportID(parsing: name.prefix { $0 != "." }) else { continue }
            let found = try await context.engine.read { [context] in try context.store.find(id, in: $0) }
            guard try found.map({ isDone($0, with: name) }) ?? isUnclaimed(name, past) else { continue }
            context.files.remove(name)
            removed += 1
        }
        // Made anew each day while anybody looks at it.
        let left = context.time.now() - JointRecord.freshness * 2
        for name in try context.files.names() where name.hasSuffix(JointRecord.suffix) {
            if let made = try context.files.modified(name), made < left { context.files.remove(name) }
        }
        if removed > 0 { context.logger.info("uploads removed", metadata: ["files": "\(removed)"]) }
        try await UploadSpool(context).sweep(isAlone: isAlone)
    }

    private func isDone(_ found: Import, with name: String) -> Bool {
        guard let endedAt = found.endedAt else { return false }
        if name == context.recordName(found.id) {
            // An hour more, for clocks that differ: who looks for a record that is not there refuses the file.
            let kept = max(context.settings.duplicateWindow, context.settings.fileRetention) + .seconds(3600)
            return context.time.now().since(endedAt) >= kept
        }
        if found.state.isOver, name != context.rejectedName(found.id) { return true }
        return context.time.now().since(endedAt) >= context.settings.fileRetention
    }

    /// One that is being accepted has its file before its row.
    private func isUnclaimed(_ name: String, _ past: Timestamp?) throws -> Bool {
        guard let past else { return true }
        return try context.files.modified(name).map { $0 < past } ?? false
    }

    // MARK: Records

    private func removeOld() async throws {
        let past = context.time.now() - context.settings.retention
        while !Task.isCancelled {
            let ids = try await context.engine.read { [context] transaction in
                try context.store.ended(before: past, limit: Self.batch, in: transaction)
            }
            for id in ids {
                var isLeft = true
                while isLeft, !Task.isCancelled {
                    isLeft = try await context.engine.write { [context] transaction in
                        try context.store.remove(id, endedBefore: past, limit: Self.batch, in: transaction)
                    }
                }
            }
            if ids.count < Self.batch { return }
        }
    }
}
