import CausewayCore
import Events
import FileStore
import Logging
import Storage
import Vendor
import WorkQueue

/// What the parts of this domain share.
struct ExportContext: Sendable {
    let engine: any StorageEngine
    let queue: WorkQueue
    let vendor: VendorClient
    let files: LocalFileStore
    let settings: ExportSettings
    let time: any TimeSource
    let logger: Logger
    let counters: ExportCounters

    let store = ExportStore()
    let requests = ExportRequestStore()
    let exportFiles = ExportFileStore()
    let facts = ExportFacts()
    let registrations = WebhookRegistrations()
    let events = EventLog()
    let rendered = RenderedExports()
    let pace: PollPace

    init(
        engine: any StorageEngine, queue: WorkQueue, vendor: VendorClient, files: LocalFileStore,
        settings: ExportSettings, time: any TimeSource, logger: Logger, counters: ExportCounters
    ) {
        self.engine = engine
        self.queue = queue
        self.vendor = vendor
        self.files = files
        self.settings = settings
        self.time = time
        self.logger = logger
        self.counters = counters
        pace = PollPace(requestsPerMinute: vendor.settings.requestsPerMinute)
    }

    var limits: VendorLimits { VendorLimits(settings: settings.limits) }
    var scheduleResource: ScheduleResource { ScheduleResource(vendorWindow: settings.limits.window) }
    var resource: ExportResource { ExportResource(internalURL: settings.internalURL) }

    /// Stores a changed export and what follows. Contradictions are handed back: they are told of once it is durable.
    func commit(
        _ export: Export, _ consequences: [ExportConsequence], at now: Timestamp, in transaction: any Transaction
    ) throws -> [String] {
        try store.update(export, in: transaction)
        return try follow(export, consequences, at: now, in: transaction)
    }

    /// Publishes what has happened, and hands back the contradictions.
    func follow(
        _ export: Export, _ consequences: [ExportConsequence], at now: Timestamp, in transaction: any Transaction
    ) throws -> [String] {
        var contradictions: [String] = []
        for consequence in consequences {
            switch consequence {
            case .contradiction(let words): contradictions.append(words)
            case .publish(let type):
                if type == .completed { try ExportMirror(context: self).begin(export, at: now, in: transaction) }
                try events.append(
                    EventDraft(
                        type: type.rawValue, resource: export.id.text, timestamp: now,
                        attributes: export.eventAttributes, data: resource.json(of: export)),
                    in: transaction)
                guard type == .completed else { continue }
                try queue.enqueue(ExportTallyWork.draft(export, at: now), at: now, in: transaction)
            }
        }
        return contradictions
    }

    func tell(_ ended: Export) {
        counters.addEnd(ended.status)
        var metadata: Logger.Metadata = [
            "export": "\(ended.id)", "vendor_key": "\(ended.vendorKey ?? "")", "report": "\(ended.report)",
            "source": "\(ended.source)", "status": "\(ended.status.rawValue)",
            "seen_by": "\(ended.seenBy.sorted { $0.value < $1.value }.map(\.key.rawValue).joined(separator: ","))",
        ]
        if let error = ended.error { metadata["error"] = "\(error.code): \(error.message)" }
        logger.log(level: ended.status == .success ? .info : .warning, "an export has ended", metadata: metadata)
    }

    func tell(_ contradictions: [String]) {
        for words in contradictions {
            counters.add(.contradiction)
            logger.error("what was told of an export contradicts what is known", metadata: ["words": "\(words)"])
        }
    }
}
