import Access
import CausewayAPI
import CausewayCore
import Events
import Exports
import Fanout
import FileStore
import Foundation
import HTTPTypes
import Hummingbird
import Imports
import Logging
import HummingbirdTesting
import NIOCore
import OutboundHTTP
import Storage
import Support
import Vendor
import WorkQueue

/// The whole interface over a real SQLite, asked without sockets.
struct APIFixture {
    let database: TestDatabase
    let time = ManualTimeSource()
    let app: Application<RouterResponder<APIContext>>
    let table: RouteTable
    let exports: ExportDomain
    let imports: ImportDomain
    let uploads: LocalFileStore
    let mirror: LocalFileStore
    static let maximumUpload: Int64 = 1 << 20
    static let adminKey = "set-up-key"

    /// The vendor is a port where nobody listens: what is asked here comes before any answer of its.
    init(maximumUpload: Int64 = maximumUpload) async throws {
        database = try await TestDatabase(
            EventMigrations.all + WorkQueueMigrations.all + AccessMigrations.all + ExportMigrations.all
                + FanoutMigrations.all + ImportMigrations.all)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let client = OutboundHTTPClient(
            loop: CurlMultiLoop(logger: logger), configuration: .init(userAgent: "test"))
        let vendor = VendorClient(
            settings: VendorSettings(
                baseURL: "http://127.0.0.1:9", publicKey: "pk", secretKey: Secret("sk")),
            http: client, time: time, logger: logger)
        let engine = database.engine
        uploads = try LocalFileStore(directory: database.directory.file("uploads"))
        mirror = try LocalFileStore(directory: database.directory.file("mirror"))
        var importSettings = ImportSettings()
        importSettings.maximumSize = maximumUpload
        imports = ImportDomain(
            engine: engine, queue: WorkQueue(), vendor: vendor, files: uploads, settings: importSettings, time: time,
            logger: logger)
        exports = ExportDomain(
            engine: engine, queue: WorkQueue(), vendor: vendor,
            files: mirror,
            settings: ExportSettings(
                publicURL: "http://public.example", internalURL: "http://internal.example",
                memberEmail: "ops@example.com"),
            time: time, logger: logger, recordingScheduled: ScheduleAudit.record)
        let api = CausewayAPI(
            .init(
                engine: engine, time: time, logger: logger,
                keys: KeyOperations(engine: engine, time: time, adminKey: Secret(Self.adminKey)),
                exports: exports, imports: imports,
                subscriptions: SubscriptionOperations(engine: engine, time: time, egress: .publicOnly),
                deliveries: DeliveryOperations(engine: engine),
                redelivery: Redelivery(engine: engine, queue: WorkQueue(), time: time),
                testDelivery: TestDelivery(
                    engine: engine, client: client, time: time, settings: .init(userAgent: "test")),
                unreadiness: { nil }))
        table = api.table
        app = Application(responder: api.router.buildResponder())
    }

    /// Asks and returns status, headers and body.
    func ask(
        _ method: HTTPRequest.Method, _ uri: String, key: String? = adminKey, headers: HTTPFields = [:],
        body: String? = nil
    ) async throws -> TestAnswer {
        try await ask(method, uri, key: key, headers: headers, bytes: body.map(ByteBuffer.init(string:)))
    }

    func ask(
        _ method: HTTPRequest.Method, _ uri: String, key: String? = adminKey, headers: HTTPFields = [:],
        bytes: ByteBuffer?
    ) async throws -> TestAnswer {
        var headers = headers
        if let key { headers[.authorization] = "Bearer \(key)" }
        if bytes != nil, headers[.contentType] == nil { headers[.contentType] = "application/json" }
        let asked = headers
        return try await app.test(.router) { client in
            try await client.execute(uri: uri, method: method, headers: asked, body: bytes) {
                TestAnswer(status: $0.status, headers: $0.headers, text: String(buffer: $0.body))
            }
        }
    }
}

struct TestAnswer {
    let status: HTTPResponse.Status
    let headers: HTTPFields
    let text: String

    var json: JSONValue { (try? JSONValue(parsing: text)) ?? .null }
}
