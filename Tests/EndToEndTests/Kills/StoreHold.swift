import Dispatch
import Storage
import StorageSQLite

/// Holds the gateway's SQLite, so that nothing can be written to it.
final class StoreHold: Sendable {
    private let engine: SQLiteEngine
    private let letGo = DispatchSemaphore(value: 0)
    private let isHeld = Watched(false)

    init(_ path: String) throws { engine = try SQLiteEngine(path: path) }

    /// Returns once it is held.
    func begin() async throws {
        Task { [engine, letGo, isHeld] in
            try await engine.write { transaction in
                // SQLite locks with the first change.
                try transaction.execute("UPDATE export SET revision = revision WHERE id = ''")
                isHeld.change { $0 = true }
                letGo.wait()
            }
        }
        try await isHeld.first("the hold of the store", within: .seconds(60)) { $0 ? () : nil }
    }

    func end() async throws {
        letGo.signal()
        try await engine.close()
    }
}
