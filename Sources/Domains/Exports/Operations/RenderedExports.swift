import CausewayCore
import Synchronization

/// Texts of exports that were shown lately. To make one costs many times what it costs to look whether it is still true,
/// and who waits for an export asks for it again and again.
final class RenderedExports: Sendable {
    private struct Entry {
        let revision: Int64
        let text: RenderedJSON
    }
    private struct State {
        /// What was shown since the last turn, and before it: what nobody asks for is gone after two turns.
        var young: [ExportID: Entry] = [:]
        var old: [ExportID: Entry] = [:]
        var bytes = 0
    }
    /// Of the texts of one turn.
    private static let turn = 8 << 20

    private let state = Mutex(State())

    /// Nil where it is not kept, or the export has changed since.
    func text(of id: ExportID, revision: Int64) -> RenderedJSON? {
        let (entry, isOld) = state.withLock { state in
            if let entry = state.young[id] { return (Optional(entry), false) }
            return (state.old[id], true)
        }
        guard let entry, entry.revision == revision else { return nil }
        if isOld { keep(entry.text, of: id, revision: revision) }
        return entry.text
    }

    func keep(_ text: RenderedJSON, of id: ExportID, revision: Int64) {
        state.withLock { state in
            if let known = state.young[id], known.revision >= revision { return }
            state.young[id] = Entry(revision: revision, text: text)
            state.bytes += text.text.utf8.count
            guard state.bytes > Self.turn else { return }
            state.old = state.young
            state.young = [:]
            state.bytes = 0
        }
    }
}
