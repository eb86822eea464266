public import Access
public import CausewayCore
public import Exports
public import Fanout
public import Hummingbird
public import Imports
public import Logging
public import Storage

/// The HTTP interface: which routes there are and what stands before them.
public struct CausewayAPI {
    /// What the routes call.
    public struct Services: Sendable {
        public var engine: any StorageEngine
        public var time: any TimeSource
        public var logger: Logger
        public var keys: KeyOperations
        public var exports: ExportDomain
        public var imports: ImportDomain
        public var subscriptions: SubscriptionOperations
        public var deliveries: DeliveryOperations
        public var redelivery: Redelivery
        public var testDelivery: TestDelivery
        /// Nil where the service can do its work; otherwise why not.
        public var unreadiness: @Sendable () async -> String?
        public var meters: RequestMeters
        /// What `/metrics` answers.
        public var metrics: @Sendable () async -> String
        /// Whoever asks for it must give this; nil: nobody must.
        public var metricsKey: Secret?

        public init(
            engine: any StorageEngine, time: any TimeSource, logger: Logger, keys: KeyOperations, exports: ExportDomain,
            imports: ImportDomain, subscriptions: SubscriptionOperations, deliveries: DeliveryOperations,
            redelivery: Redelivery, testDelivery: TestDelivery,
            unreadiness: @escaping @Sendable () async -> String?, meters: RequestMeters = RequestMeters(),
            metrics: @escaping @Sendable () async -> String = { "" }, metricsKey: Secret? = nil
        ) {
            self.engine = engine
            self.time = time
            self.logger = logger
            self.keys = keys
            self.exports = exports
            self.imports = imports
            self.subscriptions = subscriptions
            self.deliveries = deliveries
            self.redelivery = redelivery
            self.testDelivery = testDelivery
            self.unreadiness = unreadiness
            self.meters = meters
            self.metrics = metrics
            self.metricsKey = metricsKey
        }
    }

    public let router: Router<APIContext>
    public let table: RouteTable

    public init(_ services: Services) {
        let table = RouteTable()
        let router = Router(context: APIContext.self, options: .autoGenerateHeadEndpoints)
        router.add(middleware: RequestLog(time: services.time, logger: services.logger))
        router.add(middleware: RequestMeter(meters: services.meters))
        router.add(middleware: Problems(table: table))
        router.add(middleware: ExpectContinue())
        let open = Routes(table: table, router: router, refusesUnknownParameters: false)
        OperationRoutes(unreadiness: services.unreadiness).add(to: open)
        MetricsRoutes(key: services.metricsKey, text: services.metrics).add(to: open)
        HookRoutes(hooks: services.exports.hooks).add(to: open)

        let callers = router.group().add(middleware: Authentication(keys: services.keys))
        let routes = Routes(table: table, router: callers)
        let changes = ChangeRecorder(engine: services.engine, time: services.time)
        KeyRoutes(keys: services.keys, changes: changes).add(to: routes)
        AuditRoutes(engine: services.engine).add(to: routes)
        ExportRoutes(exports: services.exports, changes: changes, time: services.time).add(to: routes)
        ScheduleRoutes(schedules: services.exports.schedules, changes: changes).add(to: routes)
        ImportRoutes(imports: services.imports, changes: changes, time: services.time).add(to: routes)
        UploadRoutes(imports: services.imports, changes: changes).add(to: routes)
        ObjectRoutes(catalog: services.imports.catalog).add(to: routes)
        SubscriptionRoutes(
            subscriptions: services.subscriptions, redelivery: services.redelivery, tests: services.testDelivery,
            changes: changes, time: services.time
        ).add(to: routes)
        DeliveryRoutes(deliveries: services.deliveries, redelivery: services.redelivery, changes: changes)
            .add(to: routes)
        EventRoutes(
            engine: services.engine, time: services.time, redelivery: services.redelivery, changes: changes
        ).add(to: routes)
        self.router = router
        self.table = table
    }
}
