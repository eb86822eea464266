import Vendor

/// Which of the account's webhooks is whose.
struct WebhookFindings {
    /// Of this `public_url`.
    let own: [VendorWebhook]
    /// A second one of our own, and those that carry our token and belong to no `public_url` that is served.
    let surplus: [VendorWebhook]
    let state: AccountWebhook.State

    init(_ found: [VendorWebhook], url: String, publicURL: String, rows: [WebhookRegistrations.Row]) {
        let path = url.dropFirst(publicURL.count)
        // The address goes before the key: what leads to a gateway is that gateway's.
        func owner(_ webhook: VendorWebhook) -> String? {
            rows.first { webhook.targetURL == $0.publicURL + path }?.publicURL
                ?? rows.first { $0.vendorKey == webhook.key }?.publicURL
                ?? (webhook.targetURL == url ? publicURL : nil)
        }
        // The same choice wherever it is made, so that two do not each remove the other's.
        own = found.filter { owner($0) == publicURL }.sorted { left, right in
            let isFlawed = (Self.flaw(of: left, url) != nil, Self.flaw(of: right, url) != nil)
            return isFlawed.0 == isFlawed.1 ? left.key < right.key : isFlawed.1
        }
        surplus = own.dropFirst() + found.filter { owner($0) == nil && $0.targetURL?.hasSuffix(path) == true }
        state =
            switch own.first {
            case nil: .missing
            case let first?: Self.flaw(of: first, url).map { .wrong(key: first.key, why: $0) } ?? .right(key: first.key)
            }
    }

    private static func flaw(of webhook: VendorWebhook, _ url: String) -> String? {
        if webhook.targetURL != url { return "it leads to another address" }
        if !webhook.events.contains(VendorClient.exportCompleted) { return "it is for another event" }
        return webhook.isActive ? nil : "it is switched off"
    }
}
