import CausewayCore
import Logging
import Storage
import Vendor
import WorkQueue

/// Keeps the account's `vendor_report_export.completed` subscription at the vendor: makes it where it is missing,
/// mends it where it has changed, leaves it alone where it is right.
///
/// There is one for each `public_url`: gateways with the same share it, and nobody touches another's. The address says
/// whose it is, and where somebody has changed that at the vendor, the key that was remembered. One whose `public_url`
/// nobody serves any more is removed: at once where there can be no other gateway, else after four rounds in which
/// nobody looked after it. All addresses carry the same token.
public struct AccountWebhook: Sendable {
    let context: ExportContext

    init(_ context: ExportContext) { self.context = context }

    public enum State: Sendable, Hashable {
        /// With the vendor's key of it.
        case right(key: String)
        /// It is ours, but leads elsewhere, or is for another event, or is switched off.
        case wrong(key: String, why: String)
        case missing
    }

    var handler: WorkHandler {
        WorkHandler(kind: Self.kind(publicURL), concurrency: 1) { _ in try await run() }
    }

    /// Of its own for each address, so that a gateway takes up its own alone.
    private static func kind(_ publicURL: String) -> String {
        "export.webhook.\(Digest.sha256Hex(publicURL).prefix(16))"
    }

    private var publicURL: String { context.settings.publicURL }

    /// At each start.
    func begin(at now: Timestamp, in transaction: any Transaction) throws {
        _ = try context.facts.makeEventsToken(in: transaction)
        try context.registrations.serve(publicURL, at: now, in: transaction)
        try context.queue.enqueue(
            WorkDraft(kind: Self.kind(publicURL), key: publicURL, dueAt: now), at: now, in: transaction)
    }

    /// The address the vendor calls; also the one to paste as *Webhook URL* of a scheduled export.
    public func url() async throws -> String {
        let token = try await context.engine.write { [context] in try context.facts.makeEventsToken(in: $0) }
        return context.settings.eventsHookURL(token)
    }

    /// Which addresses gateways on this database serve, where ours is none of them.
    public func servedElsewhere() async throws -> [String] {
        let rows = try await context.engine.read { [context] in try context.registrations.all(in: $0) }
        let served = rows.map(\.publicURL)
        return served.contains(publicURL) ? [] : served
    }

    /// Throws `VendorError`.
    public func state() async throws -> State { try await look(try await url()).state }

    /// Makes it right, removes what nobody serves any more, and returns what it was before. Throws `VendorError`.
    @discardableResult
    public func register() async throws -> State {
        let url = try await url()
        try await forgetUnserved()
        let found = try await look(url)
        switch found.state {
        case .right(let key): try await remember(key)
        case .wrong(let key, let why):
            _ = try await context.vendor.updateWebhook(key, targetURL: url, event: VendorClient.exportCompleted)
            try await remember(key)
            context.logger.notice("the account's webhook was mended", metadata: ["key": "\(key)", "why": "\(why)"])
        case .missing:
            let made = try await context.vendor.createWebhook(targetURL: url, event: VendorClient.exportCompleted)
            try await remember(made.key)
            context.logger.notice("the account's webhook was registered", metadata: ["key": "\(made.key)"])
        }
        for webhook in found.surplus {
            try await context.vendor.deleteWebhook(webhook.key)
            context.logger.notice(
                "a webhook of the account that no gateway needs was removed", metadata: ["key": "\(webhook.key)"])
        }
        return found.state
    }

    /// Removes ours and returns how many there were. Throws `VendorError`.
    public func remove() async throws -> Int {
        let found = try await look(try await url()).own
        for webhook in found { try await context.vendor.deleteWebhook(webhook.key) }
        return found.count
    }

    private func run() async throws -> WorkOutcome {
        let next = context.time.now() + context.settings.webhookCheckInterval
        do {
            try await register()
            return .again(at: next)
        } catch let error as VendorError {
            context.logger.log(
                level: error.cause == .unauthorized ? .error : .warning,
                "the account's webhook could not be looked after; polling goes on", metadata: ["error": "\(error)"])
            switch error.action {
            case .retry(let after?): return .again(at: context.time.now() + after)
            // Looked for in the list first: an unknown outcome makes no second one.
            case .retry, .unknownOutcome: return .retry(error.description)
            case .waitUntil(let time): return .again(at: time ?? context.time.now() + .seconds(60))
            case .giveUp: return .again(at: next)
            }
        }
    }

    // MARK: Looking

    private func look(_ url: String) async throws -> WebhookFindings {
        var found: [VendorWebhook] = []
        var after: String?
        for _ in 0..<40 {
            let page = try await context.vendor.webhooks(after: after)
            found += page.items
            guard let next = page.next else { break }
            after = next
        }
        // Read after the list: whose webhook is in the list is in the table.
        let rows = try await context.engine.read { [context] in try context.registrations.all(in: $0) }
        return WebhookFindings(found, url: url, publicURL: publicURL, rows: rows)
    }

    private func remember(_ key: String) async throws {
        try await context.engine.write { [context, publicURL] in
            try context.registrations.remember(key, for: publicURL, in: $0)
        }
    }

    private func forgetUnserved() async throws {
        let forgotten = try await context.engine.write { [context, publicURL] transaction in
            let now = context.time.now()
            try context.registrations.serve(publicURL, at: now, in: transaction)
            let patience = transaction.dialect.isSingleProcess ? .zero : context.settings.webhookCheckInterval * 4
            let forgotten = try context.registrations.removeUnserved(
                since: now - patience, otherThan: publicURL, in: transaction)
            for url in forgotten { try context.queue.withdraw(kind: Self.kind(url), key: url, in: transaction) }
            return forgotten
        }
        for url in forgotten {
            context.logger.notice("no gateway serves this public_url any more", metadata: ["public_url": "\(url)"])
        }
    }
}
