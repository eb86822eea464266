import CausewayCore
import Storage
import WorkQueue

/// Counts which channels have told of a completion, once the last of them has had its time: the vendor repeats a webhook
/// three times within a minute and a half.
struct ExportTallyWork: Sendable {
    static let kind = "export.tally"
    static let delay = Duration.seconds(600)

    let context: ExportContext

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind) { item in try await run(item) }
    }

    static func draft(_ export: Export, at now: Timestamp) -> WorkDraft {
        WorkDraft(kind: kind, key: export.id.text, dueAt: now + delay)
    }

    func run(_ item: WorkItem) async throws -> WorkOutcome {
        guard let id = ExportID(parsing: item.key),
            let export = try await context.engine.read({ [context] in try context.store.export(id, in: $0) })
        else { return .done }
        for channel in expected(for: export) {
            context.counters.add(export.seenBy[channel] == nil ? channel.missed : channel.seen)
        }
        return .done
    }

    /// The channels by which the vendor was to tell. Whether somebody else's export had a webhook of its own nobody knows.
    private func expected(for export: Export) -> [ExportChannel] {
        ExportChannel.allCases.filter { channel in
            switch channel {
            case .webhook: export.isOurs || export.seenBy[.webhook] != nil
            case .event: context.settings.registersWebhook || export.seenBy[.event] != nil
            case .poll: true
            }
        }
    }
}

extension ExportChannel {
    /// Counts completions that it told of.
    public var seen: ExportCounters.Name {
        switch self {
        case .webhook: .seenByWebhook
        case .event: .seenByEvent
        case .poll: .seenByPoll
        }
    }

    /// Counts completions that it did not tell of.
    public var missed: ExportCounters.Name {
        switch self {
        case .webhook: .missedByWebhook
        case .event: .missedByEvent
        case .poll: .missedByPoll
        }
    }
}
