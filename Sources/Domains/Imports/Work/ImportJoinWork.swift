import CausewayCore
import FileStore
import Logging
import Storage
import WorkQueue

/// Puts the rows of small imports together: `JointRecord`. Each step leaves things as right as before: the file is durable
/// before a row names it, and what it replaces goes last. What a kill leaves over is swept.
struct ImportJoinWork: Sendable {
    static let kind = "import.join_records"
    /// Rows changed in one transaction.
    private static let batch = 200

    let context: ImportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind, concurrency: 1) { item in
            try await join(item.key)
            return .done
        }
    }

    /// - Parameter scope: `Import.rowScope`.
    static func draft(_ scope: String, dueAt: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: scope, dueAt: dueAt)
    }

    func join(_ scope: String) async throws {
        let earliest = context.time.now() - context.settings.duplicateWindow
        let remembered = try await context.engine.read { [context] transaction in
            try context.store.remembered(scope, since: earliest, in: transaction)
        }
        let chosen = JointRecord.choice(of: remembered) { context.isFresh(joint: $0) }
        guard !chosen.isEmpty else { return }
        let name = JointRecord.name()
        let places = try await write(chosen, as: name)
        for start in stride(from: 0, to: places.count, by: Self.batch) {
            let some = places[start..<min(start + Self.batch, places.count)]
            try await context.engine.write { [context] transaction in
                for (id, place) in some { try context.store.put(id, at: place, in: transaction) }
            }
        }
        for replaced in Set(chosen.compactMap { $0.joint?.name }) { context.files.remove(replaced) }
    }

    /// Returns who stands in it, in the order of their ids: so no two that do this wait for one another.
    private func write(
        _ chosen: [RememberedImport], as name: String
    ) async throws -> [(id: ImportID, place: JointRecord.Place)] {
        let writer = JointRecordWriter(RowScratch(directory: context.files.directory))
        var places: [(id: ImportID, place: JointRecord.Place)] = []
        for one in chosen {
            guard let record = try await context.files.open(context.recordName(one.id)) else {
                context.logger.warning("a record of forwarded rows is not there", metadata: ["import": "\(one.id)"])
                continue
            }
            let number = UInt32(places.count)
            try await UploadSink.blocking { try writer.add(record, number: number) }
            places.append((one.id, JointRecord.Place(name: name, number: number)))
        }
        try await UploadSink.blocking { [context] in try writer.finish(to: context.files, as: name) }
        return places.sorted { $0.id.text < $1.id.text }
    }
}
