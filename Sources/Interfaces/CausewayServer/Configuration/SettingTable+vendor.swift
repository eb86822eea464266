import CausewayCore
import OutboundHTTP

extension SettingTable {
    static let vendorURL = Setting(
        "vendor.url", .httpURL, default: "https://api.partnerstack.com", "The vendor's API.")
    static let vendorPublicKey = Setting(
        "vendor.public_key", .secret, note: "none: needed to serve", isSecret: true,
        "The public key of a pair of the vendor's API keys; test and production have separate pairs.")
    static let vendorSecretKey = Setting(
        "vendor.secret_key", .secret, note: "none: needed to serve", isSecret: true, "The secret key of that pair.")
    static let vendorMember = Setting(
        "vendor.member_email", .emailAddress, note: "none: needed to serve",
        "The team member for whom exports are made where a request names none.")
    static let vendorNetworks = Setting(
        "vendor.allow_networks", .networks, note: "none: public addresses only",
        "Networks that download links may lead to besides public addresses. They never get the vendor's keys.")
    static let registersWebhook = Setting(
        "vendor.register_webhook", .boolean, default: "true",
        "Keep the account's event subscription registered at the vendor.")
    static let requestsPerMinute = Setting(
        "vendor.requests_per_minute", .number(1...1_000_000), default: "4000", isInferred: true,
        "The budget of all of this gateway's calls together; several gateways share the vendor's, so give each its part. "
            + "Above it the vendor is said to answer 429.")
    static let connectTimeout = Setting(
        "vendor.connect_timeout", .duration(.milliseconds(100) ... .seconds(300)), default: "10s",
        "For name, connection and TLS together.")
    static let callTimeout = Setting(
        "vendor.call_timeout", .duration(.seconds(1) ... .seconds(3600)), default: "60s",
        "From the first byte sent to the last one read, for calls with small bodies.")
    static let importTimeout = Setting(
        "vendor.import_timeout", .duration(.seconds(1) ... .seconds(86_400)), default: "1h",
        "The same for a file that is handed to the importer.")
    static let stallTimeout = Setting(
        "vendor.stall_timeout", .duration(.seconds(1) ... .seconds(3600)), default: "60s",
        "A download or upload that moves no byte for this long has failed.")

    // What the vendor does not document, so that a program can correct it without a build.

    static let reportsPath = Setting(
        "vendor.paths.reports", .vendorPath(), default: "/api/v2/vendor_report_configuration/list", isInferred: true,
        "The list of saved reports.")
    static let reportPath = Setting(
        "vendor.paths.report", .vendorPath("{key}"), default: "/api/v2/vendor_report_configuration/{key}",
        isInferred: true, "One saved report.")
    static let webhooksPath = Setting(
        "vendor.paths.webhooks", .vendorPath(), default: "/api/v2/webhooks",
        "The account's webhook subscriptions.")
    static let webhookPath = Setting(
        "vendor.paths.webhook", .vendorPath("{key}"), default: "/api/v2/webhooks/{key}", isInferred: true,
        "One webhook subscription.")
    static let importerPath = Setting(
        "vendor.paths.importer", .vendorPath("{object}"), default: "/v1/import/{object}", isInferred: true,
        "The importer; documented for all objects but leads.")
    static let webhookEventMember = Setting(
        "vendor.webhook_event_member", .choice("event", "events"), default: "event",
        "How a webhook subscription names its event: event as documented, or a list in events as some clients send.")
    static let groupField = Setting(
        "vendor.import_fields.group", .text, default: "group_key", isInferred: true,
        "The importer's form field for the group of leads and deals.")
    static let invitesField = Setting(
        "vendor.import_fields.send_invites", .text, default: "send_invite_emails", isInferred: true,
        "The importer's form field that has partners invited by e-mail.")

    // The vendor's limits, of which its pages give two versions.

    static let limitWindow = Setting(
        "vendor.limits.window", .duration(.seconds(1) ... .seconds(7 * 86_400)), default: "2h",
        "How long an export counts.")
    static let limitPerReport = Setting(
        "vendor.limits.per_report", .number(1...100_000), default: "1",
        "Exports of one report for one member in a window.")
    static let limitPerMember = Setting(
        "vendor.limits.per_member", .number(1...100_000), default: "20", "Exports for one member in a window.")
    static let limitIgnoresMember = Setting(
        "vendor.limits.report_ignores_member", .boolean, default: "false", isInferred: true,
        "Whether a report counts whoever the member is, as one of the vendor's pages says.")
    static let limitCountsFailures = Setting(
        "vendor.limits.counts_failures", .boolean, default: "true", isInferred: true,
        "Whether an export that failed at the vendor counts.")
    static let requestWords = Setting(
        "vendor.limits.request_words", .words, default: "requests per minute,too many requests,request rate,throttl",
        isInferred: true, "Words in a 429's message that mean too many requests a minute.")
    static let memberWords = Setting(
        "vendor.limits.member_words", .words, default: "maximum,active exports", isInferred: true,
        "Words in a 429's message that mean too many exports of the member; any other means the report.")

    static let vendor: [SettingDescription] = [
        vendorURL.description, vendorPublicKey.description, vendorSecretKey.description, vendorMember.description,
        vendorNetworks.description, registersWebhook.description, requestsPerMinute.description,
        connectTimeout.description, callTimeout.description, importTimeout.description, stallTimeout.description,
        reportsPath.description, reportPath.description, webhooksPath.description, webhookPath.description,
        importerPath.description, webhookEventMember.description, groupField.description, invitesField.description,
        limitWindow.description, limitPerReport.description, limitPerMember.description,
        limitIgnoresMember.description, limitCountsFailures.description, requestWords.description,
        memberWords.description,
    ]
}
