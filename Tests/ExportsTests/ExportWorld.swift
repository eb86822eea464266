import CausewayCore
import Events
import Exports
import FileStore
import Foundation
import HTTPTypes
import Hummingbird
import Logging
import OutboundHTTP
import Storage
import Support
import Synchronization
import Testing
import Vendor
import VendorSimulator
import WorkQueue

/// The domain with a real store, beside a simulator and a server with our hooks: all that a gateway has but its API.
struct ExportWorld: Sendable {
    let domain: ExportDomain
    let engine: any StorageEngine
    let vendor: VendorClient
    let files: LocalFileStore
    let settings: ExportSettings
    let simulatorURL: String
    private let http: OutboundHTTPClient
    private let queue: WorkQueue
    private let time = SystemTimeSource()

    static func with(
        _ options: SimulatorOptions = .quick, settings change: (inout ExportSettings) -> Void = { _ in },
        vendor changeVendor: (inout VendorSettings) -> Void = { _ in }, works: Bool = true,
        _ body: @escaping @Sendable (ExportWorld) async throws -> Void
    ) async throws {
        let database = try await TestDatabase(
            EventMigrations.all + WorkQueueMigrations.all + ExportMigrations.all)
        let files = try LocalFileStore(directory: database.directory.file("mirror"))
        let simulator = VendorSimulator(options)
        let server = HookServer()
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let loop = CurlMultiLoop(logger: logger)
        try loop.start()
        let http = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "causeway-tests"))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.run() }
            group.addTask { try await server.run() }
            let simulatorURL = try await simulator.url()
            var vendorSettings = VendorSettings(
                baseURL: simulatorURL, publicKey: "pk_test", secretKey: Secret("sk_test"))
            vendorSettings.allowedNetworks = try AllowedNetworks(parsing: ["127.0.0.0/8"])
            changeVendor(&vendorSettings)
            var settings = ExportSettings(
                publicURL: await server.url(), internalURL: "http://gateway.internal/", memberEmail: "ops@example.com")
            settings.pollFast = .milliseconds(300)
            settings.pollSlow = .milliseconds(300)
            // Its tests ask for it: what passes through, and what happens when links die, is seen without.
            settings.mirror.isEnabled = false
            change(&settings)
            let vendor = VendorClient(
                settings: vendorSettings, http: http, time: SystemTimeSource(), logger: logger)
            let queue = WorkQueue()
            let domain = ExportDomain(
                engine: database.engine, queue: queue, vendor: vendor, files: files, settings: settings,
                time: SystemTimeSource(), logger: logger)
            server.hooks.withLock { $0 = domain.hooks }
            let world = ExportWorld(
                domain: domain, engine: database.engine, vendor: vendor, files: files, settings: settings,
                simulatorURL: simulatorURL, http: http, queue: queue)
            if works { group.addTask { try await world.work() } }
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(world))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            while let ended = await group.nextResult() {
                if case .failure(let error) = ended, !(error is CancellationError) { throw error }
            }
            try result.get()
        }
        await loop.stop()
        try await database.engine.close()
    }

    /// Runs the domain's work until cancelled.
    func work() async throws {
        try await Worker(
            queue: queue, engine: engine, time: time, logger: Logger(label: "worker") { _ in SwiftLogNoOpLogHandler() },
            handlers: domain.handlers
        ).run()
    }

    // MARK: Asking and waiting

    func request(
        _ report: String = "vrc_123456", _ change: (inout ExportRequest) -> Void = { _ in }
    ) async throws -> RequestedExport {
        var request = ExportRequest(report: report, caller: "key_1")
        change(&request)
        return try await domain.operations.request(request)
    }

    /// The export once it stands still, or has the status asked for.
    func settled(
        _ id: ExportID, _ status: ExportStatus? = nil, within limit: Duration = patience
    ) async throws -> Export {
        let deadline = time.now() + limit
        return try await engine.signals.withSubscription(to: [ExportStore.topic(id)]) { signal in
            while true {
                let export = try await domain.operations.export(id.text)
                if status == nil ? export.status.standsStill : export.status == status { return export }
                guard time.now() < deadline else {
                    Issue.record("\(id) is still \(export.status): \(String(describing: export.error))")
                    return export
                }
                _ = try await signal.next(until: deadline, by: time)
            }
        }
    }

    /// Waits until the store shows what is asked for.
    func until(_ what: String, _ holds: @escaping @Sendable (any Transaction) throws -> Bool) async throws {
        let deadline = time.now() + patience
        while try await !engine.read(holds) {
            guard time.now() < deadline else {
                Issue.record("never: \(what)")
                return
            }
            // No signal says that the queue has settled an item.
            try await time.sleep(for: .milliseconds(20))
        }
    }

    func events() async throws -> [Event] {
        try await engine.read { try EventLog().events(after: 0, limit: 1000, in: $0) }
    }

    /// Types of the events about an export.
    func eventTypes(_ id: ExportID) async throws -> [String] {
        try await events().filter { $0.resource == id.text }.map(\.type)
    }

    // MARK: The simulator

    @discardableResult
    func control(_ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        let response = try await http.send(
            OutboundRequest(
                method, simulatorURL + path, body: body.map { .text($0.text) } ?? .none,
                timeouts: .init(total: .seconds(120)), egress: .unrestricted, answer: .whole(upTo: 64 << 20)))
        return (try? JSONValue(parsing: String(decoding: response.body, as: UTF8.self))) ?? .null
    }

    /// How many exports the vendor has.
    func vendorExports() async throws -> Int {
        try await control(.get, "/simulator/exports?wait=0")["data"]?.array?.count ?? 0
    }

    func requests(_ route: String) async throws -> Int64 {
        try await control(.get, "/simulator/requests")[route]?.integer ?? 0
    }
}

extension SimulatorOptions {
    static var quick: Self { quick { _ in } }

    static func quick(_ change: (inout Self) -> Void) -> Self {
        var options = Self()
        options.exportDuration = .milliseconds(100)
        options.webhookRetries = [.milliseconds(100), .milliseconds(200), .milliseconds(300)]
        options.seed = 1
        change(&options)
        return options
    }
}

/// Our hooks on a real socket.
private final class HookServer: Sendable {
    let hooks = Mutex<ExportHooks?>(nil)
    private let ports = AsyncStream<Int>.makeStream()

    func run() async throws {
        let router = Router()
        router.post("/hooks/exports/{token}") { request, context in
            try await self.answer(request, context.parameters.get("token") ?? "") { hooks, token, body in
                try await hooks.exportHint(token: token, body: body)
            }
        }
        router.post("/hooks/events/{token}") { request, context in
            try await self.answer(request, context.parameters.get("token") ?? "") { hooks, token, body in
                try await hooks.eventHint(token: token, body: body)
            }
        }
        try await Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { self.ports.continuation.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "hooks") { _ in SwiftLogNoOpLogHandler() }
        ).run()
    }

    func url() async -> String {
        for await port in ports.stream { return "http://127.0.0.1:\(port)" }
        return ""
    }

    private func answer(
        _ request: Request, _ token: String, _ take: (ExportHooks, String, Data) async throws -> Bool
    ) async throws -> Response {
        guard let hooks = hooks.withLock({ $0 }) else { return Response(status: .serviceUnavailable) }
        let buffer = try await request.body.collect(upTo: ExportHooks.maximumBody)
        let known = try await take(hooks, token, Data(String(buffer: buffer).utf8))
        return Response(status: known ? .noContent : .notFound)
    }
}
