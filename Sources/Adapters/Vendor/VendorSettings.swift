public import CausewayCore
public import OutboundHTTP

/// How the vendor is reached. What its guides do not document is a setting here, with what is inferred as default.
public struct VendorSettings: Sendable {
    /// Scheme and authority, without a slash at the end.
    public var baseURL: String
    /// The user of Basic authentication.
    public var publicKey: String
    /// The password of Basic authentication.
    public var secretKey: Secret
    /// All calls of this process together. The vendor is said to answer 429 above about 4,000 from one address.
    public var requestsPerMinute = 4000
    public var connectTimeout = Duration.seconds(10)
    /// From the first byte sent to the last one read, for calls with small bodies.
    public var callTimeout = Duration.seconds(60)
    /// The same for an uploaded file.
    public var importTimeout = Duration.seconds(3600)
    /// A download or upload that moves no byte for this long has failed.
    public var stallTimeout = Duration.seconds(60)
    /// Larger answers are refused; a page of 250 saved reports is far below.
    public var maximumAnswer = 16 << 20
    /// How long to wait before the keys are tried again after a 401.
    public var wrongKeysPause = Duration.seconds(300)
    /// Networks that download links may lead to besides public addresses.
    public var allowedNetworks = AllowedNetworks.none
    public var paths = VendorPaths()
    public var webhookEvents = WebhookEventsMember.event
    public var importFields = ImportFields()
    public var limitWords = LimitWords()

    public init(baseURL: String = "https://api.partnerstack.com", publicKey: String, secretKey: Secret) {
        self.baseURL = baseURL.hasSuffix("/") ? String(baseURL.dropLast()) : baseURL
        self.publicKey = publicKey
        self.secretKey = secretKey
    }
}

/// Paths under the base URL; `{key}` and `{object}` are filled in percent-encoded.
public struct VendorPaths: Sendable {
    public var triggerExport = "/api/v2/vendor_report_export/{key}"
    public var exportStatus = "/api/v2/vendor_report_export/export/{key}"
    public var reports = "/api/v2/vendor_report_configuration/list"
    public var report = "/api/v2/vendor_report_configuration/{key}"
    public var recordExports = "/api/v2/exports/base_records"
    public var webhooks = "/api/v2/webhooks"
    public var webhook = "/api/v2/webhooks/{key}"
    public var importer = "/v1/import/{object}"

    public init() {}
}

/// How a webhook subscription names its event: `"event": "…"` as documented, or `"events": ["…"]` as some
/// clients send it.
public enum WebhookEventsMember: String, Sendable {
    case event
    case events
}

/// Names of the importer's form fields; nobody documents them.
public struct ImportFields: Sendable {
    public var file = "file"
    public var group = "group_key"
    public var sendInvites = "send_invite_emails"

    public init() {}
}

/// What tells the causes of a 429 apart: words looked for in its message, in lower case, in this order.
public struct LimitWords: Sendable {
    /// Too many requests a minute.
    public var requests = ["requests per minute", "too many requests", "request rate", "throttl"]
    /// Too many active exports of one member.
    public var member = ["maximum", "active exports"]

    public init() {}
}
