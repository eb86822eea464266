import Access
import CausewayCore
public import Exports
import FileStore
import Foundation
public import Logging
import OutboundHTTP
import Storage
import Vendor
import WorkQueue

/// The account's subscription at the vendor, for whoever administers it with the gateway's settings, whether one serves
/// or not.
public struct AccountWebhookAccess: Sendable {
    public let webhook: AccountWebhook
    private let engine: any StorageEngine
    private let time: any TimeSource

    /// Throws `GatewayError` and `StorageError`, and what `body` throws.
    public static func with<Result: Sendable>(
        _ settings: Settings, logger: Logger, _ body: (AccountWebhookAccess) async throws -> Result
    ) async throws -> Result {
        let time = SystemTimeSource()
        let engine = try Store.open(settings, logger: logger)
        let loop = CurlMultiLoop(logger: logger)
        let result: Swift.Result<Result, any Error>
        do {
            try await Schema.prepare(engine, at: time.now())
            try loop.start()
            let client = OutboundHTTPClient(loop: loop, configuration: settings.outboundConfiguration)
            let vendor = VendorClient(settings: try settings.vendorSettings(), http: client, time: time, logger: logger)
            let exports = ExportDomain(
                engine: engine, queue: WorkQueue(), vendor: vendor,
                files: LocalFileStore(at: settings.dataDirectory + "/mirror"), settings: settings.exportSettings,
                time: time, logger: logger)
            let access = AccountWebhookAccess(webhook: exports.accountWebhook, engine: engine, time: time)
            result = .success(try await body(access))
        } catch {
            result = .failure(error)
        }
        await loop.stop()
        try await engine.close()
        return try result.get()
    }

    /// Puts on record who has done what.
    public func audit(_ action: String, _ resource: String) async throws {
        let entry = AuditEntry(
            at: time.now(), caller: "command", callerName: NSUserName(), action: action, resource: resource, result: 0)
        try await engine.write { try AuditLog().append(entry, in: $0) }
    }
}
