import CausewayCore
import Events
import FileStore
import Logging
import OutboundHTTP
import Storage
import Support
import Testing
import Vendor
import WorkQueue

@testable import Exports

/// A gateway's schedules on a clock that a test moves. The vendor is a port where nobody listens: what is asked for is
/// looked at in the store.
struct ScheduleWorld: Sendable {
    let database: TestDatabase
    let time: ManualTimeSource
    let context: ExportContext
    let work: ScheduleWork

    var engine: any StorageEngine { context.engine }
    var operations: ScheduleOperations { ScheduleOperations(context) }

    init(
        at start: String, member: String? = "ops@example.com",
        recording: @escaping ScheduledRequest.Recording = { _, _ in }
    ) async throws {
        let database = try await TestDatabase(EventMigrations.all + WorkQueueMigrations.all + ExportMigrations.all)
        self.init(
            database, database.engine, ManualTimeSource(try #require(Timestamp(rfc3339: start))), member: member,
            recording)
    }

    private init(
        _ database: TestDatabase, _ engine: any StorageEngine, _ time: ManualTimeSource, member: String?,
        _ recording: @escaping ScheduledRequest.Recording
    ) {
        self.database = database
        self.time = time
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let http = OutboundHTTPClient(loop: CurlMultiLoop(logger: logger), configuration: .init(userAgent: "test"))
        let vendor = VendorClient(
            settings: VendorSettings(baseURL: "http://127.0.0.1:9", publicKey: "pk", secretKey: Secret("sk")),
            http: http, time: time, logger: logger)
        context = ExportContext(
            engine: engine, queue: WorkQueue(), vendor: vendor,
            files: LocalFileStore(at: database.directory.file("mirror")),
            settings: ExportSettings(
                publicURL: "http://public.example", internalURL: "http://internal.example", memberEmail: member),
            time: time, logger: logger, counters: ExportCounters())
        work = ScheduleWork(context: context, recording: recording)
    }

    /// Another gateway on the same database. SQLite has one process, and so one engine.
    func another() throws -> ScheduleWorld {
        ScheduleWorld(
            database, engine.dialect.isSingleProcess ? engine : try database.open(), time,
            member: context.settings.memberEmail, work.recording)
    }

    // MARK: Time

    func advance(to text: String) throws {
        time.advance(by: try #require(Timestamp(rfc3339: text)).since(time.now()))
    }

    /// Takes up what is due and leaves it there, as a process does that dies.
    func claim() async throws -> [WorkItem] {
        try await engine.write { [context] transaction in
            let now = context.time.now()
            return try context.queue.claim(
                ScheduleWork.kind, limit: 200, at: now, until: now + .seconds(15), in: transaction)
        }
    }

    /// Does what is due.
    func step() async throws {
        for item in try await claim() { _ = try await work.run(item) }
    }

    /// Works as a gateway does, until cancelled.
    func serve() async throws {
        try await Worker(
            queue: context.queue, engine: engine, time: time, logger: context.logger, handlers: [work.handler]
        ).run()
    }

    // MARK: Schedules

    func create(
        _ cron: String, _ zone: String = "Europe/Berlin", _ change: (inout ScheduleChange) -> Void = { _ in }
    ) async throws -> ScheduleID {
        var wanted = ScheduleChange()
        wanted.report = "vrc_1"
        wanted.cron = cron
        wanted.timeZone = zone
        change(&wanted)
        return try await operations.create(wanted) { _, _ in }.id
    }

    func update(_ id: ScheduleID, _ change: (inout ScheduleChange) -> Void) async throws {
        var wanted = ScheduleChange()
        change(&wanted)
        _ = try await operations.update(id, wanted) { _, _ in }
    }

    func shown(_ id: ScheduleID) async throws -> JSONValue {
        operations.resource(of: try await operations.schedule(id))
    }

    /// When it asked for exports.
    func requests(_ id: ScheduleID) async throws -> [String] {
        try await engine.read { transaction in
            try transaction.rows(
                "SELECT requested_at FROM export_request WHERE caller = \(id.text) ORDER BY requested_at, id"
            ).map { row in
                let time: Timestamp = try row["requested_at"]
                return time.rfc3339.replacing(".000Z", with: "Z")
            }
        }
    }

    func exports() async throws -> [Export] {
        try await ExportOperations(context).list(PageRequest(limit: 200)).elements
    }

    func missed() async throws -> [JSONValue] {
        try await engine.read { try EventLog().events(of: ["schedule.missed"], after: 0, limit: 100, in: $0) }
            .map(\.data)
    }

    func itemCount() async throws -> Int {
        try await engine.read { transaction in
            try transaction.rows("SELECT id FROM work_item WHERE kind = \(ScheduleWork.kind)").count
        }
    }
}
