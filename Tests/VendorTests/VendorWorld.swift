import CausewayCore
import HTTPTypes
import Logging
import OutboundHTTP
import Synchronization
import Vendor
import VendorSimulator

/// A simulator on a free port, and a client of it over a real loop.
struct VendorWorld: Sendable {
    let url: String
    let client: VendorClient
    let log: LogRecord
    private let http: OutboundHTTPClient

    static let secret = "sk_test"

    static func with(
        _ options: SimulatorOptions = .quick, settings change: (inout VendorSettings) -> Void = { _ in },
        _ body: @escaping @Sendable (VendorWorld) async throws -> Void
    ) async throws {
        let simulator = VendorSimulator(options)
        let loop = CurlMultiLoop(logger: Logger(label: "loop"))
        try loop.start()
        let http = OutboundHTTPClient(loop: loop, configuration: .init(userAgent: "causeway-tests"))
        let log = LogRecord()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.run() }
            let url = try await simulator.url()
            var settings = VendorSettings(baseURL: url, publicKey: "pk_test", secretKey: Secret(secret))
            settings.allowedNetworks = try AllowedNetworks(parsing: ["127.0.0.0/8"])
            change(&settings)
            let client = VendorClient(
                settings: settings, http: http, time: SystemTimeSource(), logger: log.logger)
            let world = VendorWorld(url: url, client: client, log: log, http: http)
            let result: Result<Void, any Error>
            do {
                result = .success(try await body(world))
            } catch {
                result = .failure(error)
            }
            group.cancelAll()
            try result.get()
        }
        await loop.stop()
    }

    /// A call of the simulator's control surface.
    @discardableResult
    func control(_ method: HTTPRequest.Method, _ path: String, _ body: JSONValue? = nil) async throws -> JSONValue {
        let response = try await http.send(
            OutboundRequest(
                method, url + path, body: body.map { .text($0.text) } ?? .none, egress: .unrestricted,
                answer: .whole(upTo: 64 << 20)))
        return (try? JSONValue(parsing: String(decoding: response.body, as: UTF8.self)))
            ?? .string(String(decoding: response.body, as: UTF8.self))
    }

    /// Triggers an export and waits until the vendor has ended it.
    func finishedExport(_ report: String = "vrc_123456") async throws -> VendorExport {
        let queued = try await client.triggerExport(
            ExportTrigger(
                report: report, memberEmail: "ops@example.com", webhookTargetURL: nil, showUnexpanded: false))
        try await control(.get, "/simulator/exports/\(queued.key)?until=success&wait=60")
        return try await client.export(queued.key)
    }

    /// How many requests the simulator got for a route.
    func requests(_ route: String) async throws -> Int64 {
        try await control(.get, "/simulator/requests")[route]?.integer ?? 0
    }
}

extension SimulatorOptions {
    static var quick: Self { quick { _ in } }

    static func quick(_ change: (inout Self) -> Void) -> Self {
        var options = Self()
        options.exportDuration = .milliseconds(20)
        options.mailDuration = .milliseconds(20)
        options.seed = 1
        change(&options)
        return options
    }
}

extension ExportTrigger {
    static let sample = ExportTrigger(
        report: "vrc_123456", memberEmail: "ops@example.com", webhookTargetURL: "http://127.0.0.1:9/hooks/exports/t",
        showUnexpanded: true)
}

/// All that was logged, as text.
final class LogRecord: Sendable {
    private let lines = Mutex<[String]>([])

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    var logger: Logger {
        var logger = Logger(label: "test") { _ in Handler(record: self) }
        logger.logLevel = .trace
        return logger
    }

    private struct Handler: LogHandler {
        let record: LogRecord
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace

        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            record.lines.withLock {
                $0.append("\(event.level) \(event.message) \(event.metadata ?? [:])")
            }
        }
    }
}
