import CausewayCore
import Storage
import WorkQueue

/// Whether this process can do its work: the store answers and the worker goes round.
struct Readiness: Sendable {
    let engine: any StorageEngine
    let worker: Worker
    let time: any TimeSource

    /// A worker that has not looked for work for this long stands still.
    private static let patience = Duration.seconds(30)

    /// Nil where it can; otherwise why not.
    func reason() async -> String? {
        do {
            _ = try await engine.read { try $0.row("SELECT 1 AS one") }
        } catch {
            return "The store does not answer."
        }
        guard let lastLook = worker.lastLook else { return "The worker has not started." }
        let since = time.now().since(lastLook)
        return since > Self.patience
            ? "The worker has not looked for work for \(since.wholeMilliseconds / 1000) s." : nil
    }
}
