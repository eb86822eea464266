import CausewayCore
import Foundation
import Glibc
import Support
import Synchronization

/// `causeway serve` with a data directory and a port that it keeps over restarts.
final class GatewayProcess: Sendable {
    static let adminKey = "admin-key-of-the-tests-4711"

    let url: String
    let dataDirectory: String
    let environment: [String: String]
    private let lives = Mutex<[ChildProcess]>([])

    init(vendorURL: String, settings: [String: String], dataDirectory: String) throws {
        let address = "127.0.0.1:\(try FreePort.any())"
        self.url = "http://" + address
        self.dataDirectory = dataDirectory
        environment = [
            "CAUSEWAY_LISTEN": address, "CAUSEWAY_DATA_DIR": dataDirectory, "CAUSEWAY_VENDOR_URL": vendorURL,
            "CAUSEWAY_VENDOR_PUBLIC_KEY": "pk_test", "CAUSEWAY_VENDOR_SECRET_KEY": "sk_test",
            "CAUSEWAY_VENDOR_MEMBER_EMAIL": "ops@example.com", "CAUSEWAY_ADMIN_KEY": Self.adminKey,
            "CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": "127.0.0.0/8", "CAUSEWAY_VENDOR_ALLOW_NETWORKS": "127.0.0.0/8",
            "CAUSEWAY_DELIVERIES_RETRY_SCHEDULE": "200ms,200ms,1s,1s,1s,1s", "CAUSEWAY_POLLING_FAST": "1s",
            "CAUSEWAY_POLLING_SLOW": "1s",
            // One call that hangs on a busy machine must not use up a test's patience.
            "CAUSEWAY_VENDOR_CALL_TIMEOUT": "20s", "CAUSEWAY_LOG_LEVEL": "debug",
        ].merging(settings) { $1 }
    }

    // MARK: Life and death

    /// Returns once it listens.
    /// - Parameters:
    ///   - without: settings that have their default in this life.
    ///   - wrapper: a command that runs the one behind it.
    func start(without settings: Set<String> = [], under wrapper: [String] = []) async throws {
        let child = try launch(without: settings, under: wrapper)
        _ = try await child.line("the gateway listening") { $0.contains("\"message\":\"listening\"") ? () : nil }
    }

    /// Starts it without waiting for anything.
    func launch(without settings: Set<String> = [], under wrapper: [String] = []) throws -> ChildProcess {
        let child = try ChildProcess(
            ["serve"], under: wrapper,
            environment: environment.filter { !$0.value.isEmpty && !settings.contains($0.key) },
            in: URL(filePath: dataDirectory).deletingLastPathComponent().path())
        lives.withLock { $0.append(child) }
        return child
    }

    /// SIGKILL. Returns when it is gone.
    func kill() async throws {
        guard let child = lives.withLock(\.last) else { return }
        child.signal(SIGKILL)
        _ = try await child.exit()
    }

    /// SIGSTOP: it stands still and knows nothing of it.
    func freeze() { lives.withLock(\.last)?.signal(SIGSTOP) }

    /// SIGCONT
    func thaw() { lives.withLock(\.last)?.signal(SIGCONT) }

    /// SIGTERM. Returns how it ended.
    func stop() async throws -> Int32 {
        guard let child = lives.withLock(\.last) else { return 0 }
        child.signal(SIGTERM)
        return try await child.exit()
    }

    func end() {
        for child in lives.withLock(\.self) { child.signal(SIGKILL) }
    }

    /// The most memory that the present life has had, in bytes.
    var peakMemory: Int { lives.withLock(\.last)?.peakMemory ?? 0 }

    // MARK: Its log

    /// Of all its lives.
    var log: String { lives.withLock(\.self).map(\.text).joined(separator: "\n-- started again --\n") }

    /// The first line with this message and these members that the present life writes.
    @discardableResult
    func logged(_ message: String, _ members: [String: String] = [:]) async throws -> JSONValue {
        guard let child = lives.withLock(\.last) else { throw NeverHappened(what: "a gateway") }
        return try await child.line("the log line \"\(message)\" with \(members)") { line in
            guard line.contains(message), let json = try? JSONValue(parsing: line) else { return nil }
            guard json["message"]?.string == message else { return nil }
            // No conditional: its nil would be JSON's null.
            guard members.allSatisfy({ json[$0.key]?.string == $0.value }) else { return nil }
            return json
        }
    }

    /// Returns once the present life has written so many lines.
    func said(_ lines: Int, within limit: Duration) async throws {
        guard let child = lives.withLock(\.last) else { throw NeverHappened(what: "a gateway") }
        try await child.state.first("\(lines) lines in the log", within: limit) {
            $0.lines.count >= lines ? () : nil
        }
    }

    /// The first warning about an export that the present life writes.
    func warned(of export: String) async throws -> JSONValue {
        guard let child = lives.withLock(\.last) else { throw NeverHappened(what: "a gateway") }
        return try await child.line("a warning about \(export)") { line in
            guard line.contains(export), let json = try? JSONValue(parsing: line) else { return nil }
            guard json["export"]?.string == export, json["level"] == "warning" else { return nil }
            return json
        }
    }

    // MARK: Its API

    func curl(_ arguments: [String], _ path: String, key: String = GatewayProcess.adminKey) async throws -> Curl {
        try await Curl.run(["-H", "Authorization: Bearer \(key)"] + arguments + [url + path])
    }

    func get(_ path: String, key: String = GatewayProcess.adminKey) async throws -> Curl {
        try await curl([], path, key: key)
    }

    func post(_ path: String, _ body: JSONValue, key: String = GatewayProcess.adminKey) async throws -> Curl {
        try await curl(Curl.json(body), path, key: key)
    }

    /// An accepted export's id.
    func requestExport(_ report: String = "vrc_123456") async throws -> String {
        let answer = try await post("/v1/exports", ["report": .string(report)])
        guard answer.status == 202, let id = answer["id"]?.string else {
            throw NeverHappened(what: "an export: \(answer.status) \(answer.text)")
        }
        return id
    }

    /// The export once it stands still.
    func ended(_ export: String) async throws -> JSONValue {
        try await get("/v1/exports/\(export)?wait=60").json
    }

    /// The import once it stands still.
    func endedImport(_ id: String) async throws -> Curl {
        try await get("/v1/imports/\(id)?wait=60")
    }

    /// The export once `isSo`.
    func export(_ id: String, _ what: String, _ isSo: (JSONValue) -> Bool) async throws -> JSONValue {
        try await asking("an export that \(what)") {
            let export = try await get("/v1/exports/\(id)").json
            guard isSo(export) else { return nil }
            return export
        }
    }
}
