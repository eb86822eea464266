import CausewayCore
public import Foundation
import Logging
import Storage
import Vendor
import WorkQueue

/// The vendor's way in. Whatever stands in a webhook is a hint that an export has ended: it is written down, and the
/// vendor is asked.
public struct ExportHooks: Sendable {
    /// Bytes of a body that are read at most; a longer one can be handed on cut off.
    public static let maximumBody = 1 << 20

    let context: ExportContext

    init(_ context: ExportContext) { self.context = context }

    /// `POST /hooks/exports/{token}`. Returns once the hint is durable; false where nobody has such a token.
    public func exportHint(token: String, body: Data) async throws -> Bool {
        guard
            try await context.engine.read({ [context] in
                try context.store.export(hookToken: token, in: $0) != nil
            })
        else { return false }
        let hint = ExportHint(body: body)
        if hint == nil {
            context.logger.warning(
                "a webhook's body could not be read; the vendor is asked", metadata: ["bytes": "\(body.count)"])
        }
        // They come in bursts, when many exports end at once.
        let known = try await context.engine.write(.shared) { [context] transaction in
            let now = context.time.now()
            guard let export = try context.store.export(hookToken: token, toChange: true, in: transaction) else {
                return false
            }
            try Self.take(export, .webhook, key: hint?.key, context, at: now, in: transaction)
            return true
        }
        context.counters.add(.hintWebhook)
        return known
    }

    /// `POST /hooks/events/{token}`: the account's subscription, or the webhook URL of a scheduled export. Returns once
    /// the hint is durable; false where the token is not ours.
    public func eventHint(token: String, body: Data) async throws -> Bool {
        let own = try await context.engine.read { [context] in try context.facts.eventsToken(in: $0) }
        guard let own, Secret(own).matches(token) else { return false }
        let hint = ExportHint(body: body)
        if let event = hint?.event, event != VendorClient.exportCompleted {
            context.logger.notice("a webhook of another event was ignored", metadata: ["event": "\(event)"])
            return true
        }
        try await context.engine.write(.shared) { [context] transaction in
            let now = context.time.now()
            guard let hint else {
                // It may be about any of them.
                try context.facts.hookSeen(at: now, in: transaction)
                for id in try context.store.queued(limit: 100, in: transaction) {
                    try context.queue.enqueue(ExportCheckWork.draft(id, dueAt: now), at: now, in: transaction)
                }
                return
            }
            let channel: ExportChannel = hint.event == nil ? .webhook : .event
            var export = try context.store.export(vendorKey: hint.key, toChange: true, in: transaction)
            if export == nil, let token = hint.targetURL.flatMap(Self.token) {
                export = try context.store.export(hookToken: token, toChange: true, in: transaction)
            }
            if let export {
                try Self.take(export, channel, key: hint.key, context, at: now, in: transaction)
            } else {
                try context.facts.hookSeen(at: now, in: transaction)
                try context.queue.enqueue(
                    ExportCheckWork.draft(vendorKey: hint.key, seenBy: channel, at: now), at: now, in: transaction)
            }
        }
        if hint == nil {
            context.logger.warning(
                "an account webhook's body could not be read; the vendor is asked about all exports on their way",
                metadata: ["bytes": "\(body.count)"])
        }
        context.counters.add(hint?.event == nil ? .hintWebhook : .hintEvent)
        return true
    }

    /// The token in one of our `webhook_target_url`s, whatever the host in it was then.
    static func token(in url: String) -> String? {
        guard let range = url.range(of: "/hooks/exports/") else { return nil }
        let token = url[range.upperBound...].prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        return token.isEmpty || token.utf8.contains(0) ? nil : String(token)
    }

    private static func take(
        _ export: Export, _ channel: ExportChannel, key: String?, _ context: ExportContext, at now: Timestamp,
        in transaction: any Transaction
    ) throws {
        var export = export
        let before = export
        export.hinted(by: channel, key: key, at: now)
        if export != before { try context.store.update(export, in: transaction) }
        try context.facts.hookSeen(at: now, in: transaction)
        try context.queue.enqueue(ExportCheckWork.draft(export.id, dueAt: now), at: now, in: transaction)
    }
}

/// What a webhook's body tells: the envelope of an account webhook, or the bare entity of a direct one.
struct ExportHint: Sendable, Hashable {
    /// Nil for a bare entity.
    let event: String?
    /// `vrex_…`, as it claims.
    let key: String
    let targetURL: String?

    /// Nil where `body` tells of no export.
    init?(body: Data) {
        guard let whole = try? JSONValue(parsing: body) else { return nil }
        let entity = whole["data"] ?? whole
        event = whole["event"]?.string
        targetURL = entity["webhook_target_url"]?.string
        guard let key = entity["key"]?.string, (1...200).contains(key.utf8.count),
            key.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }), ExportID(parsing: key) == nil
        else { return nil }
        self.key = key
    }
}
