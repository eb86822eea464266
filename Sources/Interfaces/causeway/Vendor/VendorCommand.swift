import ArgumentParser

/// `causeway vendor`
struct VendorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "vendor", abstract: "What the vendor has of this installation.",
        subcommands: [VendorWebhookCommand.self])
}

/// `causeway vendor webhook`
struct VendorWebhookCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "webhook",
        abstract: "The account's webhook for ended exports, at the vendor.",
        discussion: """
            Run with the settings of the gateway, whether one serves or not. A gateway that serves with \
            vendor.register_webhook registers it by itself, looks after it every six hours, and puts back what was removed.

            Ends with 0 where it stands as it should, 1 where it does not or the vendor fails, 2 where the settings are wrong.
            """,
        subcommands: [VendorWebhookStatus.self, VendorWebhookRegister.self, VendorWebhookRemove.self])
}
