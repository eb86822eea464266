import CausewayCore

/// How the stand-in behaves. Every default is the vendor's documented figure, but for the two seconds an export
/// takes; where its guides leave a matter open, the option's comment says so.
public struct SimulatorOptions: Sendable {
    // MARK: Where

    public var host = "127.0.0.1"
    /// 0 takes a free port; `VendorSimulator.url()` tells which.
    public var port = 0
    /// Under which download links are given; nil: the address listened on.
    public var publicURL: String?

    // MARK: Who

    /// Public key → secret key.
    public var credentials = ["pk_test": "sk_test"]
    /// Members with access to the company; empty: everybody.
    public var members = ["ops@example.com", "finance@example.com", "partners@example.com"]
    public var reports = ReportConfiguration.samples

    // MARK: Exports

    /// From the trigger to the end; the vendor's own may take up to 30 minutes.
    public var exportDuration: Duration = .seconds(2)
    /// Exports stay queued until the control surface ends them.
    public var hold = false
    /// The share of exports that fail, 0…1.
    public var failRate = 0.0
    /// Parts of each export; from two on there is a zip too.
    public var files = 1
    /// Bytes of each part, nearly: whole rows are written. Nil: `fileRows` rows.
    public var fileSize: Int64?
    public var fileRows = 1000
    /// From the end of an export to the death of its links.
    public var linkLifetime: Duration = .seconds(172_800)
    /// Links are signed anew by each status call for this long; nil: until the export expires.
    public var signatureLifetime: Duration?
    /// What a dead link answers with: the store behind the links is not in the vendor's guides.
    public var expiredLinkStatus = 403

    // MARK: Limits

    public var window: Duration = .seconds(7200)
    public var limitPerReport = 1
    public var limitPerMember = 20
    /// The guide counts a report per member; another page of the vendor counts it alone.
    public var reportLimitIgnoresMember = false
    /// For one client address; second-hand knowledge.
    public var requestsPerMinute = 4000
    /// Whether a 429 carries `Retry-After` (seconds); the guides do not say.
    public var sendsRetryAfter = false

    // MARK: Webhooks

    public var sendsWebhooks = true
    /// Whether account webhooks tell of failures too: the guide says "all completed exports" and shows successes.
    public var announcesFailures = false
    public var webhookRetries: [Duration] = [.seconds(10), .seconds(20), .seconds(30)]
    public var webhookTimeout: Duration = .seconds(10)
    /// The member that names a subscription's event: `event` (documented) or `events` (what some clients send).
    public var subscriptionEventMember = "event"

    // MARK: Importer

    /// Fields a program has added: object → column names.
    public var customFields: [String: [String]] = [:]
    /// Stages a deal may have; nil: any.
    public var dealStages: [String]?
    /// Customers that exist already, by any of their keys or e-mails.
    public var customers: Set<String> = []
    /// Whether a transaction without its customer is skipped, as the importer guide says.
    public var requiresCustomers = true
    public var maxImportSize: Int64 = 2 << 30
    /// Of received imports the newest bytes are kept up to this sum.
    public var keptImportBytes: Int64 = 512 << 20

    // MARK: Records

    public var recordTypes = RecordType.allCases
    /// Until the mail with a base records export is there; the vendor's may take 15 minutes.
    public var mailDuration: Duration = .seconds(2)
    public var mailLinkLifetime: Duration = .seconds(1800)

    // MARK: Chance

    public var faults: [Fault] = []
    /// Nil: different each time.
    public var seed: UInt64?

    public init() {}

    /// Everything the vendor does in `factor`th of the time; a time-out never falls below a second, since the
    /// other side is not faster for it.
    public mutating func accelerate(by factor: Double) {
        func scaled(_ duration: Duration) -> Duration {
            .milliseconds(Int64(Double(duration.wholeMilliseconds) / factor))
        }
        exportDuration = scaled(exportDuration)
        linkLifetime = scaled(linkLifetime)
        signatureLifetime = signatureLifetime.map(scaled)
        window = scaled(window)
        webhookRetries = webhookRetries.map(scaled)
        webhookTimeout = max(.seconds(1), scaled(webhookTimeout))
        mailDuration = scaled(mailDuration)
        mailLinkLifetime = scaled(mailLinkLifetime)
    }
}
