import CausewayCore
import Dispatch
import Foundation
import Glibc

/// A PostgreSQL that tests have for themselves: started here, and gone with the last who holds it or with this process,
/// even when that is killed.
public final class PostgresCluster: Sendable {
    /// How a server is brought down: `fast` undoes what runs and writes all to the disk, `immediate` is as good as a
    /// power cut.
    public enum Shutdown: String, Sendable { case fast, immediate }

    public struct Failure: Error { public let what: String }

    /// As libpq takes it, over a Unix socket; the database is `postgres`.
    public var url: String { url(of: "postgres") }
    /// The same over TCP on the loopback, with a password.
    public var tcpURL: String { "postgres://causeway:\(password)@127.0.0.1:\(port)/postgres" }
    public let port: Int

    private let password = RandomToken.make(bytes: 9)
    private let home: String
    private let watchdog: Watchdog

    /// - Parameter isDurable: whether a commit is on the disk before it is told; without it all is faster.
    public init(isDurable: Bool = false) async throws {
        watchdog = try Watchdog(arguments: [password, isDurable ? "on" : "off"])
        try await watchdog.answer()
        home = try await watchdog.ask("home")
        port = try FreePort.any()
        try await watchdog.ask("start \(port)")
    }

    public func url(of database: String) -> String {
        let directory = home.replacing("/", with: "%2F")
        return "postgres://causeway@\(directory)/\(database)?port=\(port)"
    }

    public func start() async throws { try await watchdog.ask("start \(port)") }

    public func stop(_ shutdown: Shutdown = .fast) async throws { try await watchdog.ask("stop \(shutdown.rawValue)") }

    /// Down and up again, on the same port.
    public func restart(_ shutdown: Shutdown = .fast) async throws {
        try await stop(shutdown)
        try await start()
    }

    /// Ends all connections, as an administrator would.
    public func terminateBackends() async throws {
        try await query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()
            AND backend_type = 'client backend'
            """)
    }

    /// From now on TLS is there for those who ask for it, with a certificate for `localhost`; returns its path.
    public func encrypt() async throws -> String {
        try await watchdog.ask("encrypt")
    }

    /// Runs one statement as the superuser and returns what `psql` prints, its lines joined by spaces.
    @discardableResult
    public func query(_ statement: String, in database: String = "postgres") async throws -> String {
        try await watchdog.ask("query \(database) " + statement.replacing("\n", with: " "))
    }

    /// The one that all tests of a process share, each with a database of its own.
    public static func shared() async throws -> PostgresCluster { try await sharedStart.value }

    private static let sharedStart = Task { try await PostgresCluster() }
}

/// The script at work, one command at a time.
private final class Watchdog: Sendable {
    private let process = Process()
    private let commands = Pipe()
    private let answers = Pipe()
    /// Its answers are waited for on a thread of its own.
    private let turn = DispatchQueue(label: "causeway.test.postgres")

    init(arguments: [String]) throws {
        let shell = ["/bin/sh", "-c", PostgresCluster.watchdog, "sh"] + arguments
        // PostgreSQL refuses to run as root.
        let unprivileged = getuid() == 0 ? try Self.unprivileged() : []
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = unprivileged + shell
        process.standardInput = commands
        process.standardOutput = answers
        // No other child may hold this end open, or the watchdog would wait for that one too.
        _ = fcntl(commands.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.start()
    }

    @discardableResult
    func ask(_ command: String) async throws -> String {
        try await read { try $0.commands.fileHandleForWriting.write(contentsOf: Data("\(command)\n".utf8)) }
    }

    /// Waits for the answer to what it does by itself.
    func answer() async throws { try await read { _ in } }

    @discardableResult
    private func read(after say: @escaping @Sendable (Watchdog) throws -> Void) async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            turn.async {
                continuation.resume(
                    with: Result {
                        try say(self)
                        return try self.line()
                    })
            }
        }
    }

    private func line() throws -> String {
        var bytes: [UInt8] = []
        while bytes.last != UInt8(ascii: "\n") {
            let more = answers.fileHandleForReading.availableData
            guard !more.isEmpty else { throw PostgresCluster.Failure(what: "the watchdog has ended") }
            bytes += more
        }
        let words = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
            .split(separator: " ", maxSplits: 1)
        let text = words.count > 1 ? String(words[1]) : ""
        guard words.first == "ok" else { throw PostgresCluster.Failure(what: text) }
        return text
    }

    private static func unprivileged() throws -> [String] {
        for name in ["postgres", "nobody"] {
            guard let user = unsafe getpwnam(name) else { continue }
            return unsafe [
                "setpriv", "--reuid=\(user.pointee.pw_uid)", "--regid=\(user.pointee.pw_gid)", "--clear-groups",
            ]
        }
        throw PostgresCluster.Failure(what: "nobody to run PostgreSQL as")
    }

    deinit { try? commands.fileHandleForWriting.close() }
}
