public import CausewayCore
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
    public let counters: ExportCounters
    /// For the process's worker.
    public let handlers: [WorkHandler]
    private let context: ExportContext

    public init(
        engine: any StorageEngine, queue: WorkQueue, vendor: VendorClient, settings: ExportSettings,
        time: any TimeSource, logger: Logger
    ) {
        counters = ExportCounters()
        context = ExportContext(
            engine: engine, queue: queue, vendor: vendor, settings: settings, time: time, logger: logger,
            counters: counters)
        operations = ExportOperations(context)
        files = ExportFiles(context)
        reports = SavedReports(context)
        hooks = ExportHooks(context)
        accountWebhook = AccountWebhook(context)
        handlers = [
            ExportTriggerWork(context: context).handler, ExportCheckWork(context: context).handler,
            accountWebhook.handler,
        ]
    }

    /// To be called at each start, once the schema is there: sees to the account's subscription.
    public func start() async throws {
        guard context.settings.registersWebhook else { return }
        try await context.engine.write { [context, accountWebhook] transaction in
            _ = try context.facts.makeEventsToken(in: transaction)
            try accountWebhook.enqueue(at: context.time.now(), in: transaction)
        }
    }
}
