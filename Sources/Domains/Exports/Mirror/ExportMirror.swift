import CausewayCore
import Events
import FileStore
import Logging
import Storage
import WorkQueue

/// The copies of vendors' files that outlive the vendor's links.
///
/// Each file is an item of work of its own, made in the transaction that publishes the export's end, and every step is
/// in the store before the next: whoever takes the item up goes on where the last checkpoint was. A file has one writer
/// by three rules: the item's lease; the name in the store, which each writer begins anew and writes down by compare and
/// set; the lock on what is unfinished. A gateway that slept through its lease writes on in a file that nobody reads.
struct ExportMirror: Sendable {
    let context: ExportContext

    private var store: ExportFileStore { context.exportFiles }

    /// An export has ended in success: its files are fetched.
    func begin(_ export: Export, at now: Timestamp, in transaction: any Transaction) throws {
        guard context.settings.mirror.isEnabled else { return }
        let names = export.files.map(\.name) + (export.zipFile.map { [$0.name] } ?? [])
        for (position, name) in names.enumerated() {
            guard try store.add(name, to: export.id, at: position, in: transaction) else { continue }
            try context.queue.enqueue(MirrorWork.draft(export.id, position, dueAt: now), at: now, in: transaction)
        }
    }

    /// A file is whole and on the disk: writes that down with all that follows. Returns the export where it was the last.
    ///
    /// Throws `WorkQueueError.leaseLost` where somebody else has begun with the file meanwhile.
    func finish(
        _ file: ExportFileRow, _ item: WorkItem, storedName: String, _ whole: PartialFile.Whole, at now: Timestamp,
        in transaction: any Transaction
    ) throws -> Export? {
        let id = file.exportID
        // Of two last files one must see the other.
        _ = try context.store.export(id, toChange: true, in: transaction)
        try context.queue.complete(item, at: now, in: transaction)
        guard
            try store.finish(
                file, storedName: storedName, size: whole.size, sha256: whole.sha256, at: now, in: transaction)
        else { throw WorkQueueError.leaseLost }
        let files = try store.files(of: id, in: transaction)
        let isComplete = files.allSatisfy { $0.state == .mirrored }
        try store.show(files, in: id, mirroredAt: isComplete ? now : nil, removedAt: nil, transaction)
        guard isComplete, let export = try context.store.export(id, in: transaction) else { return nil }
        if export.status == .success {
            // Nothing more is to be learnt of it: its links may die.
            try context.queue.withdraw(kind: ExportCheckWork.kind, key: id.text, in: transaction)
            _ = try context.follow(export, [.publish(.mirrored)], at: now, in: transaction)
        }
        return export
    }

    /// Takes the files of an export out of the mirror; they are served no more once this is durable. Returns their names
    /// in the file store.
    func remove(
        filesOf id: ExportID, why: String, at now: Timestamp, in transaction: any Transaction
    ) throws -> [String] {
        let mirroredAt = try context.store.export(id, toChange: true, in: transaction)?.mirroredAt
        let names = try store.remove(filesOf: id, why: why, at: now, in: transaction)
        guard !names.isEmpty else { return [] }
        try store.show(
            try store.files(of: id, in: transaction), in: id, mirroredAt: mirroredAt, removedAt: now, transaction)
        return names
    }

    /// Whether a file of this size leaves the disk as much room as it should.
    func hasRoom(for size: Int64) throws -> Bool {
        try context.files.available() - size >= context.settings.mirror.keepFree
    }
}
