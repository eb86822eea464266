import CausewayCore
import Events
import FileStore
import Logging
import OutboundHTTP
import Storage
import Support
import Vendor
import WorkQueue

@testable import Exports

/// Two gateways on one database. The vendor is away, and the clock stands still.
struct ExportGateways: Sendable {
    let contexts: [ExportContext]
    let domains: [ExportDomain]
    let time = ManualTimeSource(SystemTimeSource().now())

    init(_ change: (inout ExportSettings) -> Void = { _ in }) async throws {
        let database = try await TestDatabase(EventMigrations.all + WorkQueueMigrations.all + ExportMigrations.all)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let time = time
        let vendor = VendorClient(
            settings: VendorSettings(baseURL: "http://127.0.0.1:9", publicKey: "pk", secretKey: Secret("sk")),
            http: OutboundHTTPClient(loop: CurlMultiLoop(logger: logger), configuration: .init(userAgent: "test")),
            time: time, logger: logger)
        var settings = ExportSettings(
            publicURL: "http://public.example", internalURL: "http://internal.example", memberEmail: "ops@example.com")
        change(&settings)
        let files = try LocalFileStore(directory: database.directory.file("mirror"))
        let parts = try database.gateways().map { [settings] engine in
            let queue = WorkQueue()
            return (
                ExportContext(
                    engine: engine, queue: queue, vendor: vendor, files: files, settings: settings, time: time,
                    logger: logger, counters: ExportCounters()),
                ExportDomain(
                    engine: engine, queue: queue, vendor: vendor, files: files, settings: settings, time: time,
                    logger: logger)
            )
        }
        contexts = parts.map(\.0)
        domains = parts.map(\.1)
    }

    /// Of either, in turns.
    func context(_ number: Int) -> ExportContext { contexts[number % contexts.count] }
    func domain(_ number: Int) -> ExportDomain { domains[number % domains.count] }

    func request(
        _ number: Int, _ report: String = "vrc_1", _ change: (inout ExportRequest) -> Void = { _ in }
    ) async throws -> RequestedExport {
        var request = ExportRequest(report: report, caller: "key_\(number)")
        change(&request)
        return try await domain(number).operations.request(request)
    }

    /// Changes an export as its work would, without the vendor.
    func change(
        _ id: ExportID, _ body: @escaping @Sendable (inout Export) -> [ExportConsequence]
    ) async throws -> Export {
        let context = contexts[0]
        return try await context.engine.write { transaction in
            guard var export = try context.store.export(id, toChange: true, in: transaction) else {
                throw ExportOperationError.notFound
            }
            let consequences = body(&export)
            _ = try context.commit(export, consequences, at: context.time.now(), in: transaction)
            return export
        }
    }

    /// How often a body had to be run again on PostgreSQL: never, where locks are taken in one order.
    var retries: Int {
        contexts.filter { !$0.engine.dialect.isSingleProcess }.reduce(0) { $0 + $1.engine.statistics[.retries] }
    }

    func rows(_ query: SQLQuery) async throws -> [ResultRow] {
        try await contexts[0].engine.read { try $0.rows(query) }
    }

    /// As the vendor tells of an export.
    func said(_ key: String, _ status: String, of export: Export) throws -> VendorExport {
        let url = export.hookToken.map(contexts[0].settings.exportHookURL)
        guard
            let said = VendorExport([
                "key": .string(key), "status": .string(status), "webhook_target_url": .optional(url),
                "vendor_report_configuration_key": .string(export.report),
            ])
        else { throw ExportOperationError.notFound }
        return said
    }
}
