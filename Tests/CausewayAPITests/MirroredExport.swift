import CausewayCore
import FileStore
import Storage
import Support
import Testing

@testable import Exports

/// A success whose parts lie in the mirror.
enum MirroredExport {
    /// Returns its path.
    /// - Parameter hashes: told as the parts' SHA-256, instead of made-up ones.
    static func make(
        _ api: APIFixture, _ parts: [(name: String, text: String)], hashes: [String]? = nil
    ) async throws -> String {
        for (position, part) in parts.enumerated() {
            let file = try await api.mirror.begin("stored\(position)")
            try await file.append(Array(part.text.utf8))
            _ = try await file.finish()
        }
        let now = api.time.now()
        let id = ExportID(at: now)
        try await api.database.engine.write { transaction in
            var export = Export.requested(
                id: id, report: "vrc_1", memberEmail: "ops@example.com", showUnexpanded: false,
                hookToken: Secret("token"), at: now)
            #expect(try ExportStore().insert(export, in: transaction))
            export.revision = 1
            (export.status, export.vendorKey, export.completedAt) = (.success, "vrex_1", now)
            export.entity = [
                "key": "vrex_1", "status": "success",
                "files": .array(parts.map { ["name": .string($0.name), "url": "http://127.0.0.1:9/x"] }),
            ]
            try ExportStore().update(export, in: transaction)
            let store = ExportFileStore()
            for (position, part) in parts.enumerated() {
                _ = try store.add(part.name, to: id, at: position, in: transaction)
                let file = try #require(try store.file(of: id, at: position, in: transaction))
                let stored = "stored\(position)"
                #expect(try store.begin(file, storedName: stored, in: transaction))
                let hash = hashes?[position] ?? Digest.sha256Hex(part.text)
                #expect(
                    try store.finish(
                        file, storedName: stored, size: Int64(part.text.utf8.count), sha256: hash, at: now,
                        in: transaction))
            }
            try store.show(
                try store.files(of: id, in: transaction), in: id, mirroredAt: now, removedAt: nil, transaction)
        }
        return "/v1/exports/\(id)"
    }
}
