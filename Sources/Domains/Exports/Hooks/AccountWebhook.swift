import CausewayCore
import Logging
import Storage
import Vendor
import WorkQueue

/// Keeps the account's `vendor_report_export.completed` subscription at the vendor: makes it where it is missing,
/// mends it where it has changed, leaves it alone where it is right.
public struct AccountWebhook: Sendable {
    static let kind = "export.webhook"

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
        WorkHandler(kind: Self.kind, concurrency: 1) { _ in try await run() }
    }

    func enqueue(at now: Timestamp, in transaction: any Transaction) throws {
        try context.queue.enqueue(WorkDraft(kind: Self.kind, key: "account", dueAt: now), at: now, in: transaction)
    }

    /// The address the vendor calls; also the one to paste as *Webhook URL* of a scheduled export.
    public func url() async throws -> String {
        let token = try await context.engine.write { [context] in try context.facts.makeEventsToken(in: $0) }
        return context.settings.eventsHookURL(token)
    }

    /// Throws `VendorError`.
    public func state() async throws -> State {
        let url = try await url()
        let found = try await own(url)
        if let right = found.first(where: { Self.flaw(of: $0, url) == nil }) { return .right(key: right.key) }
        guard let first = found.first else { return .missing }
        return .wrong(key: first.key, why: Self.flaw(of: first, url) ?? "")
    }

    /// Makes it right and returns what it was before. Throws `VendorError`.
    @discardableResult
    public func register() async throws -> State {
        let state = try await state()
        let url = try await url()
        switch state {
        case .right: break
        case .wrong(let key, let why):
            _ = try await context.vendor.updateWebhook(key, targetURL: url, event: VendorClient.exportCompleted)
            context.logger.notice("the account's webhook was mended", metadata: ["key": "\(key)", "why": "\(why)"])
        case .missing:
            let made = try await context.vendor.createWebhook(targetURL: url, event: VendorClient.exportCompleted)
            context.logger.notice("the account's webhook was registered", metadata: ["key": "\(made.key)"])
        }
        return state
    }

    /// Removes ours and returns how many there were. Throws `VendorError`.
    public func remove() async throws -> Int {
        let found = try await own(try await url())
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

    /// Those that carry our token, whatever host they lead to.
    private func own(_ url: String) async throws -> [VendorWebhook] {
        let path = url.dropFirst(context.settings.publicURL.count)
        var found: [VendorWebhook] = []
        var after: String?
        for _ in 0..<40 {
            let page = try await context.vendor.webhooks(after: after)
            found += page.items.filter { $0.targetURL?.hasSuffix(path) ?? false }
            guard let next = page.next else { break }
            after = next
        }
        return found
    }

    private static func flaw(of webhook: VendorWebhook, _ url: String) -> String? {
        if webhook.targetURL != url { return "it leads to another address" }
        if !webhook.events.contains(VendorClient.exportCompleted) { return "it is for another event" }
        return webhook.isActive ? nil : "it is switched off"
    }
}
