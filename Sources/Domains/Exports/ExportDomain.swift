public import CausewayCore
public import FileStore
public import Logging
public import Storage
public import Vendor
public import WorkQueue

/// Everything about exports, put together.
public struct ExportDomain: Sendable {
    public let operations: ExportOperations
    public let files: ExportFiles
    public let reports: SavedReports
    public let hooks: ExportHooks
    public let accountWebhook: AccountWebhook
    public let schedules: ScheduleOperations
    public let counters: ExportCounters
    let tidy: MirrorTidyWork
    /// For the process's worker.
    public private(set) var handlers: [WorkHandler]
    private let context: ExportContext

    /// - Parameters:
    ///   - files: where vendors' files are mirrored; all gateways on one database share it.
    ///   - recordingScheduled: runs in the transaction in which a schedule asks for an export.
    public init(
        engine: any StorageEngine, queue: WorkQueue, vendor: VendorClient, files: LocalFileStore,
        settings: ExportSettings, time: any TimeSource, logger: Logger,
        recordingScheduled: @escaping ScheduledRequest.Recording = { _, _ in }
    ) {
        counters = ExportCounters()
        context = ExportContext(
            engine: engine, queue: queue, vendor: vendor, files: files, settings: settings, time: time,
            logger: logger, counters: counters)
        operations = ExportOperations(context)
        self.files = ExportFiles(context)
        reports = SavedReports(context)
        hooks = ExportHooks(context)
        accountWebhook = AccountWebhook(context)
        schedules = ScheduleOperations(context)
        tidy = MirrorTidyWork(context: context)
        handlers = [
            ExportTriggerWork(context: context).handler, ExportCheckWork(context: context).handler,
            ExportTallyWork(context: context).handler, accountWebhook.handler,
            ScheduleWork(context: context, recording: recordingScheduled).handler,
            tidy.handler,
        ]
        if settings.mirror.isEnabled { handlers.append(MirrorWork(context: context).handler) }
    }

    /// To be called at each start, once the schema is there: sees to the account's subscription and the mirror.
    public func start() async throws {
        try await context.engine.write { [context, accountWebhook, tidy] transaction in
            let now = context.time.now()
            try tidy.begin(at: now, in: transaction)
            if context.settings.registersWebhook { try accountWebhook.begin(at: now, in: transaction) }
        }
    }
}
