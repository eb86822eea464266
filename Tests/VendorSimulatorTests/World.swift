import CausewayCore
import Foundation
import Hummingbird
import Logging
import NIOCore
import Synchronization
import VendorSimulator

/// A running simulator on a free port, and ways to talk to it.
struct World: Sendable {
    let url: String
    let simulator: VendorSimulator

    /// Runs `body` beside a simulator that is stopped afterwards.
    static func with(
        _ options: SimulatorOptions = .quick, time: any TimeSource = SystemTimeSource(),
        _ body: @escaping @Sendable (World) async throws -> Void
    ) async throws {
        let simulator = VendorSimulator(options, time: time)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await simulator.run() }
            let world = World(url: try await simulator.url(), simulator: simulator)
            do {
                try await body(world)
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }

    /// A call with credentials.
    func call(_ path: String, _ arguments: String..., user: String = "pk_test:sk_test") async throws -> Curl {
        try await Curl.run(["-u", user] + arguments + [url + path])
    }

    /// A call without: control surface and download links.
    func open(_ address: String, _ arguments: String...) async throws -> Curl {
        try await Curl.run(arguments + [address.hasPrefix("http") ? address : url + address])
    }

    func post(_ path: String, _ body: JSONValue, user: String = "pk_test:sk_test") async throws -> Curl {
        try await Curl.run(["-u", user, "-H", "content-type: application/json", "-d", body.text, url + path])
    }

    /// Triggers an export; `members` are added to the body.
    func trigger(
        _ report: String = "vrc_123456", member: String = "ops@example.com", _ members: [String: JSONValue] = [:]
    ) async throws -> Curl {
        let body = members.merging(["member_email": .string(member)]) { own, _ in own }
        return try await post("/api/v2/vendor_report_export/\(report)", .object(body))
    }

    /// Triggers an export and gives its entity at its end.
    func finished(_ report: String = "vrc_123456", until status: String = "success") async throws -> JSONValue {
        let key = try await trigger(report).data?["key"]?.string ?? ""
        return try await open("/simulator/exports/\(key)?until=\(status)&wait=60").json
    }

    func status(_ key: String) async throws -> Curl {
        try await call("/api/v2/vendor_report_export/export/\(key)")
    }

    /// Uploads a CSV as the importer wants it.
    func upload(_ object: String, _ csv: String, _ arguments: [String] = []) async throws -> Curl {
        let file = FileManager.default.temporaryDirectory.appending(path: "\(UUID().uuidString).csv")
        try Data(csv.utf8).write(to: file)
        defer { try? FileManager.default.removeItem(at: file) }
        return try await Curl.run(
            ["-u", "pk_test:sk_test", "-F", "file=@\(file.path());type=text/csv"] + arguments
                + ["\(url)/v1/import/\(object)"])
    }

    func fault(_ json: JSONValue) async throws {
        _ = try await Curl.run(["-d", json.text, "\(url)/simulator/faults"])
    }

    func state() async throws -> JSONValue { try await open("/simulator/state").json }
}

extension SimulatorOptions {
    /// An export takes no time worth waiting for.
    static var quick: Self {
        var options = Self()
        options.exportDuration = .milliseconds(20)
        options.mailDuration = .milliseconds(20)
        options.seed = 1
        return options
    }

    static func quick(_ change: (inout Self) -> Void) -> Self {
        var options = quick
        change(&options)
        return options
    }
}

/// A subscriber on a real socket.
struct HookReceiver: Sendable {
    struct Received: Sendable {
        let contentType: String?
        let authorization: String?
        let body: JSONValue
    }

    final class Box: Sendable {
        /// What the next requests are answered with; 200 when it runs out; 0 never answers.
        let answers = Mutex<[Int]>([])
        let received = Mutex<[Received]>([])
    }

    let url: String
    let box: Box

    var received: [Received] { box.received.withLock { $0 } }

    /// Runs `body` beside a subscriber that answers `answers` in turn, then 200.
    static func with(
        _ answers: [Int] = [], _ body: @escaping @Sendable (HookReceiver) async throws -> Void
    ) async throws {
        let box = Box()
        box.answers.withLock { $0 = answers }
        let router = Router()
        router.post("/hook") { request, _ in
            let text = String(buffer: try await request.body.collect(upTo: 1 << 20))
            let received = Received(
                contentType: request.headers[.contentType], authorization: request.headers[.authorization],
                body: (try? JSONValue(parsing: text)) ?? .null)
            box.received.withLock { $0.append(received) }
            let answer = box.answers.withLock { $0.isEmpty ? 200 : $0.removeFirst() }
            // Never answered: held until the test ends and cancels.
            if answer == 0 { for await _ in AsyncStream<Void>.makeStream().stream {} }
            return Response(status: .init(code: answer))
        }
        let (ports, port) = AsyncStream<Int>.makeStream()
        let application = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { port.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "hook") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            var iterator = ports.makeAsyncIterator()
            let number = await iterator.next() ?? 0
            do {
                try await body(HookReceiver(url: "http://127.0.0.1:\(number)/hook", box: box))
            } catch {
                group.cancelAll()
                throw error
            }
            group.cancelAll()
        }
    }
}
