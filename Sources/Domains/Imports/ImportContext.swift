import CausewayCore
import Events
import FileStore
import Logging
import Storage
import Vendor
import WorkQueue

/// What the parts of this domain share.
struct ImportContext: Sendable {
    let engine: any StorageEngine
    let queue: WorkQueue
    let vendor: VendorClient
    let files: LocalFileStore
    let catalog: ObjectCatalog
    let settings: ImportSettings
    let time: any TimeSource
    let logger: Logger

    let store = ImportStore()
    let problems = ImportProblemStore()
    let uploads = ResumableUploadStore()
    let events = EventLog()

    /// The imports that ended since then are looked at: those of the window; and where an old one is tried again, all that
    /// may have sent its rows since.
    func earliest(for wanted: Import, isRetry: Bool, at now: Timestamp) -> Timestamp {
        let window = now - settings.duplicateWindow
        return isRetry ? min(window, wanted.createdAt) : window
    }

    /// The file that is forwarded.
    func fileName(_ id: ImportID) -> String { "\(id).csv" }

    /// Its refused rows, which are handed back from there until some time after the end: `RejectedFile`.
    func rejectedName(_ id: ImportID) -> String { "\(id).rejected.csv" }

    /// Which rows are forwarded, where they are remembered: kept for as long as they are looked for.
    func recordName(_ id: ImportID) -> String { "\(id)\(RowRecord.suffix)" }

    /// Whether a joint record is there that need not be made anew.
    func isFresh(joint name: String) -> Bool {
        guard let made = try? files.modified(name) else { return false }
        return time.now().since(made) < JointRecord.freshness
    }

    func names(of id: ImportID) -> [String] { [fileName(id), rejectedName(id), recordName(id)] }

    /// Stores a changed import and what follows. The import's revision is the one it was read with.
    func commit(
        _ changed: Import, from before: Import, _ consequences: [ImportConsequence], at now: Timestamp,
        in transaction: any Transaction
    ) throws {
        try store.update(changed, from: before, in: transaction)
        try follow(changed, consequences, at: now, in: transaction)
    }

    func follow(
        _ changed: Import, _ consequences: [ImportConsequence], at now: Timestamp, in transaction: any Transaction
    ) throws {
        for consequence in consequences {
            switch consequence {
            case .forward:
                try queue.enqueue(ImportForwardWork.draft(changed.id, dueAt: now), at: now, in: transaction)
            case .publish(let type):
                try events.append(
                    EventDraft(
                        type: type.rawValue, resource: changed.id.text,
                        occurrence: changed.round == 0 ? "" : String(changed.round), timestamp: now,
                        attributes: changed.eventAttributes, data: changed.json),
                    in: transaction)
            }
        }
    }

    /// Removes what would be forwarded of an import that is over, once that is durable. What a crash leaves, the sweep
    /// finds.
    func clean(after changed: Import) {
        if changed.state.isOver { files.remove(fileName(changed.id)) }
    }
}
