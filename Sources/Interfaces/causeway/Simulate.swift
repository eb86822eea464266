import ArgumentParser
import CausewayCore
import Logging
import ServiceLifecycle
import UnixSignals
import VendorSimulator

/// `causeway simulate`
struct Simulate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Be the vendor: a stand-in that behaves as its guides say, over HTTP, in memory.",
        discussion: """
            Reports vrc_123456 … vrc_123462 (one of each type) and the members ops@, finance@ and \
            partners@example.com exist. Credentials are pk_test and sk_test. An export takes 2 s; everything else \
            takes the vendor's own times. The log tells the story; /simulator/state shows all there is.

            Durations are written 500ms, 2s, 30m, 2h, 2d; sizes 100kB, 64MiB, 1GB.

            Faults are written kind,member=value,…, for instance
              --fault drop_answer,route=trigger,count=1
              --fault status,route=export,status=503,probability=0.1
              --fault webhook_doubled,route=webhook.account
            Kinds: \(Fault.Kind.allCases.map(\.rawValue).joined(separator: ", ")).
            Members: route, count, skip, probability, delay, status, message, retry_after, after_bytes, processed.
            Routes: trigger, export, reports, report, webhooks.create|list|get|update|delete, base_records, \
            import.partners|customers|…, files, webhook.direct|account; a part up to a dot stands for all under it.
            """)

    @Option(help: ArgumentHelp("Where to listen; port 0 takes a free one.", valueName: "host:port"))
    var listen = "127.0.0.1:8090"
    @Option(help: ArgumentHelp("Address under which download links are given.", valueName: "url"))
    var publicURL: String?

    @Option(help: ArgumentHelp("A pair the API takes, instead of pk_test:sk_test.", valueName: "public:secret"))
    var credentials: [String] = []
    @Option(help: ArgumentHelp("A member with access, instead of the three; * for everybody.", valueName: "email"))
    var member: [String] = []
    @Option(help: ArgumentHelp("A further report.", valueName: "vrc=type"))
    var report: [String] = []
    @Option(help: ArgumentHelp("Further reports vrc_200001 … of all types in turn.", valueName: "count"))
    var moreReports = 0

    @Option(help: "From trigger to end of an export.")
    var exportDuration: DurationArgument = .init(.seconds(2))
    @Flag(help: "Exports take 30 minutes, mails 15, as at the vendor.")
    var realTime = false
    @Option(help: ArgumentHelp("Divides every duration (the window, links, retries …).", valueName: "factor"))
    var speed = 1.0
    @Flag(help: "Exports stay queued until POST /simulator/exports/{key}/complete or …/fail.")
    var hold = false
    @Option(help: ArgumentHelp("Share of exports that fail.", valueName: "0…1"))
    var failRate = 0.0
    @Option(help: ArgumentHelp("Parts of an export; from two on there is a zip too.", valueName: "count"))
    var files = 1
    @Option(help: "Size of each part (instead of 1000 rows).")
    var fileSize: SizeArgument?
    @Option(help: ArgumentHelp("Rows of each part.", valueName: "count"))
    var fileRows = 1000
    @Option(help: "How long download links live.")
    var linkLifetime: DurationArgument = .init(.seconds(172_800))

    @Option(help: "Time in which the limits count.")
    var window: DurationArgument = .init(.seconds(7200))
    @Option(help: ArgumentHelp("Exports for a report and member within the window.", valueName: "count"))
    var limitPerReport = 1
    @Option(help: ArgumentHelp("Active exports for a member within the window.", valueName: "count"))
    var limitPerMember = 20
    @Flag(help: "The limit of a report is for all members together.")
    var reportLimitIgnoresMember = false
    @Option(help: ArgumentHelp("Requests a minute from one address.", valueName: "count"))
    var requestsPerMinute = 4000
    @Flag(help: "429 carries Retry-After.")
    var retryAfter = false

    @Flag(help: "Send no webhooks at all.")
    var noWebhooks = false
    @Flag(help: "Account webhooks tell of failed exports too.")
    var announceFailures = false
    @Option(help: ArgumentHelp("Member that names a subscription's event: event or events.", valueName: "name"))
    var eventMember = "event"

    @Option(help: ArgumentHelp("A field of the program's own the importer takes.", valueName: "object:column"))
    var customField: [String] = []
    @Flag(help: "Import transactions whose customer was never imported.")
    var anyCustomer = false

    @Option(help: ArgumentHelp("Something that goes wrong; see above. May be repeated.", valueName: "fault"))
    var fault: [FaultArgument] = []
    @Option(help: ArgumentHelp("Makes chance repeatable.", valueName: "number"))
    var seed: UInt64?
    @Flag(name: .shortAndLong, help: "Tell no story.")
    var quiet = false

    func run() async throws {
        let simulator = VendorSimulator(try options(), story: quiet ? .quiet : .standardOutput)
        var logger = Logger(label: "simulate")
        logger.logLevel = .error
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: simulator)], gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await group.run()
    }

    private func options() throws -> SimulatorOptions {
        var options = SimulatorOptions()
        guard let colon = listen.lastIndex(of: ":"), let port = UInt16(listen[listen.index(after: colon)...]) else {
            throw ValidationError("--listen is host:port, as in 127.0.0.1:8090")
        }
        options.host = listen[..<colon].filter { $0 != "[" && $0 != "]" }
        options.port = Int(port)
        options.publicURL = publicURL
        if !credentials.isEmpty { options.credentials = [:] }
        for pair in credentials {
            let (user, password) = try halves(of: pair, at: ":", "--credentials is public:secret")
            options.credentials[user] = password
        }
        if !member.isEmpty { options.members = member.contains("*") ? [] : member }
        for text in report {
            let (key, name) = try halves(of: text, at: "=", "--report is vrc_…=type")
            guard let type = ReportType(rawValue: name) else {
                let types = ReportType.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("\(name) is no report type; there are \(types)")
            }
            options.reports.append(.init(key: key, type: type))
        }
        options.reports += ReportConfiguration.further(moreReports)
        for text in customField {
            let (object, column) = try halves(of: text, at: ":", "--custom-field is object:column")
            options.customFields[object, default: []].append(column)
        }
        guard (0...1).contains(failRate), speed > 0, files > 0, fileRows >= 0, limitPerReport > 0, limitPerMember > 0,
            ["event", "events"].contains(eventMember)
        else { throw ValidationError("a number is out of its range; see --help") }
        setNumbers(&options)
        return options
    }

    private func setNumbers(_ options: inout SimulatorOptions) {
        options.exportDuration = realTime ? .seconds(1800) : exportDuration.duration
        if realTime { options.mailDuration = .seconds(900) }
        options.hold = hold
        options.failRate = failRate
        options.files = files
        options.fileSize = fileSize?.bytes
        options.fileRows = fileRows
        options.linkLifetime = linkLifetime.duration
        options.window = window.duration
        options.limitPerReport = limitPerReport
        options.limitPerMember = limitPerMember
        options.reportLimitIgnoresMember = reportLimitIgnoresMember
        options.requestsPerMinute = requestsPerMinute
        options.sendsRetryAfter = retryAfter
        options.sendsWebhooks = !noWebhooks
        options.announcesFailures = announceFailures
        options.subscriptionEventMember = eventMember
        options.requiresCustomers = !anyCustomer
        options.faults = fault.map(\.fault)
        options.seed = seed
        if speed != 1 { options.accelerate(by: speed) }
    }

    private func halves(of text: String, at separator: Character, _ mistake: String) throws -> (String, String) {
        let pair = text.split(separator: separator, maxSplits: 1).map(String.init)
        guard pair.count == 2 else { throw ValidationError(mistake) }
        return (pair[0], pair[1])
    }
}

extension Simulate {
    struct DurationArgument: ExpressibleByArgument {
        let duration: Duration
        var defaultValueDescription: String { DurationText.format(duration) }

        init(_ duration: Duration) { self.duration = duration }

        init?(argument: String) {
            guard let duration = DurationText.parse(argument) else { return nil }
            self.duration = duration
        }
    }

    struct SizeArgument: ExpressibleByArgument {
        let bytes: Int64

        init?(argument: String) {
            guard let bytes = ByteSizeText.parse(argument) else { return nil }
            self.bytes = bytes
        }
    }

    struct FaultArgument: ExpressibleByArgument {
        let fault: Fault

        init?(argument: String) {
            guard let fault = try? Fault(parsing: argument) else { return nil }
            self.fault = fault
        }
    }
}
