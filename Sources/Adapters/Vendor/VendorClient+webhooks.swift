import CausewayCore
import HTTPTypes

extension VendorClient {
    public static let exportCompleted = "vendor_report_export.completed"

    /// A part of the account's webhook subscriptions.
    public func webhooks(limit: Int = 250, after: String? = nil) async throws -> VendorPage<VendorWebhook> {
        VendorPage(
            try await perform(.get("webhooks.list", settings.paths.webhooks, query: page(limit, after))), key: \.key,
            item: VendorWebhook.init)
    }

    public func webhook(_ key: String) async throws -> VendorWebhook {
        try webhook(
            in: await perform(.get("webhooks.get", VendorCall.path(settings.paths.webhook, key))), effect: .repeatable)
    }

    /// Not repeatable: look into the list before creating again.
    public func createWebhook(targetURL: String, event: String) async throws -> VendorWebhook {
        let call = VendorCall(
            route: "webhooks.create", method: .post, path: settings.paths.webhooks,
            body: .json(webhookBody(targetURL, event)), effect: .once,
            priority: .routine)
        return try webhook(in: await perform(call), effect: .once)
    }

    public func updateWebhook(_ key: String, targetURL: String, event: String) async throws -> VendorWebhook {
        let call = VendorCall(
            route: "webhooks.update", method: .patch, path: VendorCall.path(settings.paths.webhook, key),
            body: .json(webhookBody(targetURL, event)), effect: .repeatable, priority: .routine)
        return try webhook(in: await perform(call), effect: .repeatable)
    }

    /// Returns also where it was gone already.
    public func deleteWebhook(_ key: String) async throws {
        let call = VendorCall(
            route: "webhooks.delete", method: .delete, path: VendorCall.path(settings.paths.webhook, key),
            effect: .repeatable,
            priority: .routine)
        do {
            _ = try await perform(call)
        } catch let error as VendorError where error.cause == .notFound {
        } catch let error as VendorError where error.cause == .unusableAnswer && error.status == 204 {
            // An empty answer says all that a deletion has to say.
        }
    }

    private func webhookBody(_ targetURL: String, _ event: String) -> JSONValue {
        switch settings.webhookEvents {
        case .event: ["target_url": .string(targetURL), "event": .string(event)]
        case .events: ["target_url": .string(targetURL), "events": [.string(event)]]
        }
    }

    private func webhook(in envelope: VendorEnvelope, effect: VendorCall.Effect) throws -> VendorWebhook {
        guard let webhook = envelope.entity.flatMap(VendorWebhook.init) else {
            throw VendorError.unusable("the answer holds no webhook", effect: effect, answer: envelope.whole)
        }
        return webhook
    }
}
