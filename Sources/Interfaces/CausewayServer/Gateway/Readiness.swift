import CausewayCore
import WorkQueue

/// Whether this process can do its work: the store answers and the worker goes round. Asks nobody, so it answers at
/// once.
struct Readiness: Sendable {
    let store: StoreWatch
    let worker: Worker
    let time: any TimeSource

    /// A worker that has not looked for work for this long stands still.
    private static let patience = Duration.seconds(30)

    /// Nil where it can; otherwise why not.
    @Sendable func reason() async -> String? {
        if let trouble = store.trouble { return trouble }
        guard let lastLook = worker.lastLook else { return "The worker has not started." }
        let since = time.now().since(lastLook)
        return since > Self.patience
            ? "The worker has not looked for work for \(since.wholeMilliseconds / 1000) s." : nil
    }
}
