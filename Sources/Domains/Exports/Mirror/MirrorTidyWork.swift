import CausewayCore
import FileStore
import Logging
import Storage
import WorkQueue

/// Takes files out of the mirror whose time is over or for which there is no room, the oldest first, and removes from
/// the disk what no record leads to. One gateway does it at a time.
struct MirrorTidyWork: Sendable {
    static let kind = "export.mirror_tidy"

    let context: ExportContext

    private static let batch = 50
    /// Looking through the disk.
    private static let sweepInterval = Duration.seconds(3600)
    /// What was written since may be somebody's who has not written its name down.
    private static let sweepAge = Duration.seconds(3600)

    private enum Duty: String {
        case retention
        case sweep
    }

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 1) { item in
            switch Duty(rawValue: item.key) {
            case .retention:
                try await retain()
                return .again(at: context.time.now() + context.settings.mirror.tidyInterval)
            case .sweep:
                try await sweep()
                return .again(at: context.time.now() + Self.sweepInterval)
            case nil: return .done
            }
        }
    }

    /// At each start.
    func begin(at now: Timestamp, in transaction: any Transaction) throws {
        for duty in [Duty.retention, .sweep] {
            try context.queue.enqueue(
                WorkDraft(kind: Self.kind, key: duty.rawValue, dueAt: now), at: now, in: transaction)
        }
    }

    // MARK: Retention

    func retain() async throws {
        let keep = context.settings.mirror.keep
        let why = "mirrored files are kept for \(DurationText.format(keep)) (mirror.keep)"
        while true {
            let latest = context.time.now() - keep
            let exports = try await oldest(mirroredBy: latest).map(\.export)
            guard try await remove(exports, why) else { break }
        }
        guard let maximum = context.settings.mirror.maximumSize else { return }
        let reason = "there was no more room: mirrored files may take \(maximum) bytes together (mirror.max_size)"
        while true {
            let now = context.time.now()
            let (total, newest) = try await context.engine.read { [context] transaction in
                (try context.exportFiles.totalSize(in: transaction), try context.exportFiles.newest(in: transaction))
            }
            var surplus = total - maximum
            var exports: [ExportID] = []
            // The newest stays however large it is: it would be fetched in vain.
            for (export, size) in try await oldest(mirroredBy: now) where export != newest && surplus > 0 {
                if !exports.contains(export) { exports.append(export) }
                surplus -= size
            }
            guard try await remove(exports, reason) else { return }
        }
    }

    private func oldest(mirroredBy latest: Timestamp) async throws -> [(export: ExportID, size: Int64)] {
        try await context.engine.read { [context] transaction in
            try context.exportFiles.oldest(mirroredBy: latest, limit: Self.batch, in: transaction)
        }
    }

    /// Whether there were any.
    private func remove(_ exports: [ExportID], _ why: String) async throws -> Bool {
        var isAny = false
        for id in exports {
            let names = try await context.engine.write { [context] transaction in
                try ExportMirror(context: context).remove(
                    filesOf: id, why: why, at: context.time.now(), in: transaction)
            }
            // Who reads one of them has it open, and reads on.
            for name in names { context.files.remove(name) }
            guard !names.isEmpty else { continue }
            isAny = true
            context.logger.notice("files of an export were removed", metadata: ["export": "\(id)", "why": "\(why)"])
        }
        return isAny
    }

    // MARK: The disk

    func sweep(age: Duration = sweepAge) async throws {
        var names = try await context.files.names(writtenBefore: context.time.now() - age)[...]
        var count = 0
        while !names.isEmpty {
            let batch = Array(names.prefix(Self.batch))
            names = names.dropFirst(Self.batch)
            // Read after the disk: whose file is in the list has its name on record, or its writer holds it.
            let inUse = try await context.engine.read { [context] transaction in
                try context.exportFiles.inUse(batch, in: transaction)
            }
            for name in batch where !inUse.contains(name) {
                if try await context.files.removeUnheld(name) { count += 1 }
            }
        }
        if count > 0 {
            context.logger.notice("files that belong to no export were removed", metadata: ["files": "\(count)"])
        }
    }
}
