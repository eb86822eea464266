import Access
import CausewayAPI
public import CausewayCore
import Events
import Exports
import Fanout
import FileStore
import Foundation
import Hummingbird
import Imports
public import Logging
import OutboundHTTP
import ServiceLifecycle
import Storage
import UnixSignals
import Vendor
import WorkQueue

/// The composition root: every part of a serving process, put together and run until told to stop.
public struct Gateway: Sendable {
    private let settings: Settings
    private let time: any TimeSource
    private let logger: Logger

    public init(_ settings: Settings, time: any TimeSource = SystemTimeSource(), logger: Logger) {
        self.settings = settings
        self.time = time
        self.logger = logger
    }

    /// Until SIGTERM or SIGINT. In-flight work is let finish within `server.shutdown_grace`; what does not is left for
    /// the next start. Throws `GatewayError` and `StorageError` where it cannot start.
    public func run() async throws {
        let directory = try DataDirectory(settings.dataDirectory)
        let lock = try DataDirectoryLock(for: settings)
        defer { withExtendedLifetime(lock) {} }
        let engine = try Store.open(settings, logger: logger)
        try await Schema.prepare(engine, at: time.now())
        try await DirectoryIdentity(directory: directory, engine: engine, logger: logger).check()

        let sealing = SecretSealing(engine: engine, vault: settings.vault, logger: logger)
        do {
            try await sealing.check()
        } catch let missing as SecretSealing.KeyMissing {
            throw GatewayError.secretsKey(missing.description)
        }
        try await sealing.bringUp()

        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let client = OutboundHTTPClient(loop: loop, configuration: settings.outboundConfiguration)
        let vendor = VendorClient(settings: try settings.vendorSettings(), http: client, time: time, logger: logger)
        let queue = WorkQueue()
        let exports = ExportDomain(
            engine: engine, queue: queue, vendor: vendor, files: try LocalFileStore(directory: directory.mirror),
            settings: settings.exportSettings, time: time, logger: logger, recordingScheduled: ScheduleAudit.record)
        try await exports.start()
        let imports = ImportDomain(
            engine: engine, queue: queue, vendor: vendor, files: try LocalFileStore(directory: directory.uploads),
            settings: settings.importSettings, catalog: settings.imports.catalog, time: time, logger: logger)
        try await imports.start()
        let redelivery = Redelivery(engine: engine, queue: queue, time: time)
        let walking = SubscriptionWalking(engine: engine, queue: queue, time: time)
        let handlers = exports.handlers + imports.handlers + [redelivery.handler, walking.handler]
        let worker = Worker(queue: queue, engine: engine, time: time, logger: logger, handlers: handlers)
        let deliveries = DeliveryEngine(
            engine: engine, client: client, time: time, logger: logger, settings: settings.deliverySettings)
        let standing = StoreStanding(
            engine: engine, queue: queue, kinds: handlers.map(\.kind), time: time,
            logger: logger)
        let meters = RequestMeters()
        let metrics = GatewayMetrics(
            process: ProcessMetrics(startedAt: time.now()), store: standing, statistics: engine.statistics,
            exports: exports.counters, vendor: vendor.meters, deliveries: deliveries, requests: meters)
        let store = StoreWatch(engine: engine, time: time, logger: logger)
        let api = CausewayAPI(
            .init(
                engine: engine, time: time, logger: logger,
                keys: KeyOperations(engine: engine, time: time, adminKey: settings.adminKey), exports: exports,
                imports: imports,
                subscriptions: SubscriptionOperations(
                    engine: engine, time: time, egress: settings.deliveryEgress, vault: settings.vault),
                deliveries: DeliveryOperations(engine: engine), redelivery: redelivery,
                testDelivery: TestDelivery(
                    engine: engine, client: client, time: time, settings: settings.deliverySettings),
                unreadiness: Readiness(store: store, worker: worker, time: time).reason,
                meters: meters, metrics: metrics.text, metricsKey: settings.metricsKey))

        for warning in settings.warnings { logger.warning("\(warning)") }
        logger.notice("starting", metadata: settings.summary.merging(["version": "\(ProductVersion.text)"]) { $1 })
        // Stopped in reverse. Server, worker and deliveries are told at the same moment: a slow caller must not keep
        // the worker taking up what could then not be ended in time.
        var services: [any Service] = [
            CancellableService(run: store.run), CancellableService(run: standing.run),
            Housekeeping(
                engine: engine, time: time, logger: logger,
                deliveries: DeliveryRetention(
                    engine: engine, time: time, deliveries: settings.deliveries.retention,
                    events: settings.deliveries.eventRetention),
                held: HeldDeliveries(keptFor: settings.deliveries.holdFor), auditRetention: settings.auditRetention),
        ]
        services += EventWiring.dispatchers(engine: engine, time: time, logger: logger).map { dispatcher in
            CancellableService(run: dispatcher.run)
        }
        services.append(
            ConcurrentServices(services: [
                server(api), StoppableService(run: worker.run, stop: worker.stop),
                StoppableService(run: deliveries.run, stop: deliveries.stop),
            ]))
        var configuration = ServiceGroupConfiguration(
            services: services.map { .init(service: $0, successTerminationBehavior: .gracefullyShutdownGroup) },
            gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
        configuration.maximumGracefulShutdownDuration = settings.shutdownGrace
        let result: Result<Void, any Error>
        do {
            result = .success(try await ServiceGroup(configuration: configuration).run())
        } catch {
            result = .failure(error)
        }
        await loop.stop()
        try await engine.close()
        logger.notice("stopped")
        try result.get()
    }

    private func server(_ api: CausewayAPI) -> some Service {
        let address = settings.listen
        return Application(
            router: api.router,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [SlowBody(), EarlyAnswer()], idleTimeout: .seconds(75))),
            configuration: .init(address: .hostname(address.host, port: address.port), serverName: nil),
            onServerRunning: { [logger, settings] _ in
                logger.notice(
                    "listening", metadata: ["on": "\(settings.listen)", "public_url": "\(settings.publicURL)"])
            },
            logger: quiet)
    }

    /// For the frameworks below, which tell of every connection that breaks.
    private var quiet: Logger {
        var logger = logger
        logger.logLevel = max(.warning, logger.logLevel)
        return logger
    }
}
