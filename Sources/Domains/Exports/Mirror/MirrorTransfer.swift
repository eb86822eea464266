import CausewayCore
import FileStore
import Logging
import Storage
import Vendor
import WorkQueue

/// One run at one file: takes up what is there of it, fetches the rest, goes on with `Range` after each break that was
/// not the first at its place, and has it written down.
struct MirrorTransfer: Sendable {
    let context: ExportContext
    let item: WorkItem
    let file: ExportFileRow

    /// After so many bytes what is there is made durable, so that no more is fetched twice than this.
    private static let checkpointInterval: Int64 = 64 << 20
    /// Breaks after which a run gives way to others.
    private static let maximumBreaks = 50

    enum Interruption: Error {
        /// - Parameter isMoving: whether more of it is there than before this run.
        case broken(any Error, isMoving: Bool)
    }

    /// What the vendor's store said of the bytes that are there.
    private struct Known: Sendable {
        var total: Int64?
        var validator: String?
    }

    private enum TakenUp {
        case partial(PartialFile)
        /// Somebody died between the file and its record.
        case whole(String, PartialFile.Whole)
    }

    /// Throws `Interruption`, `FileStoreError`, `WorkQueueError.leaseLost`, and what the store throws.
    func run() async throws {
        let part: PartialFile
        switch try await takeUp() {
        case .whole(let name, let whole): return try await settle(name, whole)
        case .partial(let partial): part = partial
        }
        var known = Known(total: file.partTotal, validator: file.partValidator)
        do {
            try await fetch(into: part, &known)
            let whole = try await part.finish()
            try await settle(part.name, whole)
        } catch let error as FileStoreError {
            // Room for others first. What a failed write has left of the file is not known anyway.
            await part.discard()
            throw error
        } catch let error as WorkQueueError {
            await part.discard()
            throw error
        }
        // Held until its record is durable: nobody may take it for abandoned.
        withExtendedLifetime(part) {}
    }

    // MARK: Taking up

    private func takeUp() async throws -> TakenUp {
        if let name = file.storedName {
            if let whole = try await context.files.open(name) { return .whole(name, try await whole.digest()) }
            let isUsable = file.partSize > 0 && file.partValidator != nil
            if isUsable, let part = try await context.files.resume(name, at: file.partSize) { return .partial(part) }
        }
        guard try ExportMirror(context: context).hasRoom(for: file.partTotal ?? 0) else { throw FileStoreError.full }
        let part = try await context.files.begin("\(file.exportID)-\(file.position)-\(RandomToken.make(bytes: 6))")
        let isOurs = try await context.engine.write { [context, file, name = part.name] transaction in
            try context.exportFiles.begin(file, storedName: name, in: transaction)
        }
        guard isOurs else {
            await part.discard()
            throw WorkQueueError.leaseLost
        }
        if let old = file.storedName { await context.files.removeUnfinished(old) }
        return .partial(part)
    }

    // MARK: Fetching

    private func fetch(into part: PartialFile, _ known: inout Known) async throws {
        let start = part.size
        var highest = start
        var breaks = 0
        while true {
            do {
                return try await attempt(part, &known)
            } catch let error as WorkQueueError {
                throw error
            } catch let error as FileStoreError {
                throw error
            } catch let error as StorageError {
                throw error
            } catch {
                let isFurther = part.size > highest
                highest = max(highest, part.size)
                breaks += 1
                let isOtherFile = (error as? ExportOperationError)?.vendorError.map(Self.isOtherFile) ?? false
                if isOtherFile, part.size > 0 { try await startOver(part, &known) }
                let goesOn = (isFurther || isOtherFile) && breaks < Self.maximumBreaks && !Task.isCancelled
                guard goesOn else {
                    try await checkpoint(part, known)
                    throw Interruption.broken(error, isMoving: highest > start)
                }
            }
        }
    }

    /// Whether what is there does not fit what the vendor's store has.
    private static func isOtherFile(_ error: VendorError) -> Bool {
        error.status == 416 || (error.status == 206 && error.cause == .unusableAnswer)
    }

    private func attempt(_ part: PartialFile, _ known: inout Known) async throws {
        if part.size > 0, known.validator == nil { try await startOver(part, &known) }
        let position = known.validator.flatMap {
            part.size > 0 ? DownloadPosition(offset: part.size, size: known.total, validator: $0) : nil
        }
        // Read each time: its links may have been renewed.
        guard
            let export = try await context.engine.read({ [context, file] in
                try context.store.export(file.exportID, in: $0)
            })
        else { throw ExportOperationError.notFound }
        let download = try await ExportLinks(context: context, priority: .routine)
            .open(export, file.name, from: position)
        guard download.endIsTold else {
            throw ExportOperationError.vendor(
                VendorError(
                    cause: .unusableAnswer, action: .retry(after: nil), status: 200,
                    message: "the vendor's store does not tell where the file ends"))
        }
        if download.offset == 0 {
            if part.size > 0 { try await startOver(part, &known) }
            known = Known(total: download.size, validator: download.validator)
        } else {
            context.counters.add(.mirrorResumed)
        }
        if let total = known.total, try !ExportMirror(context: context).hasRoom(for: total - part.size) {
            throw FileStoreError.full
        }
        do {
            try await take(download, into: part, known)
        } catch let error as VendorError {
            throw ExportOperationError.vendor(error)
        }
        guard known.total == nil || known.total == part.size else {
            throw ExportOperationError.vendor(
                VendorError(
                    cause: .unusableAnswer, action: .retry(after: nil), status: 206,
                    message: "\(part.size) bytes came of \(known.total ?? 0)"))
        }
    }

    private func take(_ download: VendorDownload, into part: PartialFile, _ known: Known) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            var durable = part.size
            for try await chunk in download {
                try await part.append(chunk)
                guard part.size - durable >= Self.checkpointInterval else { continue }
                durable = part.size
                // Beside what comes: the disk is waited for only where it takes longer than the next so many bytes.
                try await group.next()
                group.addTask { try await checkpoint(part, known) }
            }
            try await group.waitForAll()
        }
    }

    private func startOver(_ part: PartialFile, _ known: inout Known) async throws {
        context.counters.add(.mirrorStartedOver)
        try await part.restart()
        known = Known()
        // Before anything else is written: a checkpoint of the old bytes must not be taken for the new ones'.
        try await checkpoint(part, known)
    }

    private func checkpoint(_ part: PartialFile, _ known: Known) async throws {
        let size = try await part.checkpoint()
        let isOurs = try await context.engine.write { [context, file] transaction in
            try context.exportFiles.checkpoint(
                file, storedName: part.name, size: size, total: known.total, validator: known.validator,
                in: transaction)
        }
        guard isOurs else { throw WorkQueueError.leaseLost }
    }

    // MARK: Ending

    /// What is whole stays where its record could not be written: the next run finds it.
    private func settle(_ name: String, _ whole: PartialFile.Whole) async throws {
        let complete = try await context.engine.write { [context, file, item] transaction in
            try ExportMirror(context: context).finish(
                file, item, storedName: name, whole, at: context.time.now(), in: transaction)
        }
        context.counters.add(.mirrored)
        context.logger.info(
            "a file of an export is mirrored",
            metadata: [
                "export": "\(file.exportID)", "file": "\(file.name)", "size": "\(whole.size)",
                "sha256": "\(whole.sha256)",
            ])
        if let complete {
            context.logger.info("an export is mirrored", metadata: ["export": "\(complete.id)"])
        }
    }
}
