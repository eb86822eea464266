import CausewayCore
public import Logging
import OutboundHTTP

extension Settings {
    /// One line for the log at start: what matters for what happens, secrets only as set or not.
    public var summary: Logger.Metadata {
        [
            "listen": "\(listen)",
            "public_url": "\(publicURL)",
            "internal_url": "\(internalURL)",
            "data_dir": "\(dataDirectory)",
            "database": "\(database.address?.place ?? "SQLite in data_dir")",
            "vendor_url": "\(vendor.url)",
            "vendor_keys": vendor.keys == nil ? "not set" : "set",
            "admin_key": adminKey == nil ? "not set" : "set",
            "register_webhook": "\(vendor.registersWebhook)",
            "delivery_networks": "\(list(deliveries.allowedNetworks.networks.map(\.description)))",
            "retry_schedule": "\(deliveries.retrySchedule.text)",
            "proxy": "\(outbound.proxy ?? "none")",
        ]
    }

    private func list(_ texts: [String]) -> String { texts.isEmpty ? "public only" : texts.joined(separator: ",") }
}
