public import CausewayCore
public import FileStore
public import Logging
public import Storage
public import Vendor
public import WorkQueue

/// Everything about imports, put together.
public struct ImportDomain: Sendable {
    public let operations: ImportOperations
    public let uploads: ResumableUploads
    public let catalog: ObjectCatalog
    /// For the process's worker.
    public let handlers: [WorkHandler]
    let context: ImportContext

    /// - Parameter files: where uploads lie until they are through; shared by all that share the database.
    public init(
        engine: any StorageEngine, queue: WorkQueue, vendor: VendorClient, files: LocalFileStore,
        settings: ImportSettings = ImportSettings(), catalog: ObjectCatalog = .builtIn, time: any TimeSource,
        logger: Logger
    ) {
        context = ImportContext(
            engine: engine, queue: queue, vendor: vendor, files: files, catalog: catalog, settings: settings,
            time: time, logger: logger)
        self.catalog = catalog
        operations = ImportOperations(context)
        uploads = ResumableUploads(context, operations)
        handlers = [
            ImportForwardWork(context: context).handler, ImportSweepWork(context: context).handler,
            ImportJoinWork(context: context).handler,
        ]
    }

    /// To be called at each start, once the schema is there and before any upload of this process: removes what broken
    /// uploads left.
    public func start() async throws {
        try await ImportSweepWork(context: context).removeFiles(isStart: true)
        try await context.engine.write { [context] transaction in
            let now = context.time.now()
            try context.queue.enqueue(
                ImportSweepWork.draft(dueAt: now + context.settings.sweepInterval), at: now, in: transaction)
        }
    }
}
