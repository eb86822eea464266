import CausewayCore
import FileStore
import Foundation
import Logging
import Storage

/// Where uploads grow that come in several requests: a directory beside the imports' files, on the same file system, so
/// that a file becomes an import's without being copied.
struct UploadSpool: Sendable {
    private let context: ImportContext
    private let store: LocalFileStore

    init(_ context: ImportContext) {
        self.context = context
        store = LocalFileStore(at: context.files.directory + "/resumable")
    }

    /// An empty file, on the disk. Throws `FileStoreError`.
    func create(_ name: String) async throws {
        _ = try LocalFileStore(directory: store.directory)
        let file = try await store.begin(name, isHashed: false)
        file.release()
        try await store.settle()
    }

    /// Nil where another has it, or there is none.
    func take(_ name: String) async throws -> PartialFile? { try await store.take(name) }

    func has(_ name: String) -> Bool { store.hasUnfinished(name) }

    func remove(_ name: String) async { await store.removeUnfinished(name) }

    /// Whether there is none now.
    func removeUnheld(_ name: String) async throws -> Bool { try await store.removeUnheld(name) }

    /// Last written to before `time`, or all.
    func names(writtenBefore time: Timestamp?) async throws -> [String] {
        guard FileManager.default.fileExists(atPath: store.directory) else { return [] }
        return try await store.names(writtenBefore: time ?? Timestamp(milliseconds: .max))
    }

    /// Removes what has expired, and files that belong to no upload.
    func sweep(isAlone: Bool) async throws {
        let now = context.time.now()
        var removed = 0
        while true {
            let before = removed
            let expired = try await context.engine.read { [context] in
                try context.uploads.expired(at: now, limit: 100, in: $0)
            }
            for upload in expired {
                // A request that is at it may have given it more time.
                let isOver = try await context.engine.write { [context] in
                    try context.uploads.removeExpired(upload.id, at: now, in: $0)
                }
                guard isOver else { continue }
                removed += 1
                // What somebody holds is found as a file without an upload later.
                _ = try await removeUnheld(upload.fileName)
            }
            if expired.count < 100 || removed == before { break }
        }
        let past = isAlone ? nil : now - context.settings.unclaimedRetention
        for name in try await names(writtenBefore: past) {
            guard let id = UploadID(parsing: name) else { continue }
            let found = try await context.engine.read { [context] in try context.uploads.find(id, in: $0) }
            guard found == nil || found?.importID != nil || found?.refusal != nil else { continue }
            if try await removeUnheld(name) { removed += 1 }
        }
        if removed > 0 { context.logger.info("unfinished uploads removed", metadata: ["uploads": "\(removed)"]) }
    }
}
