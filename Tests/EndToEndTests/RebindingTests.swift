import CausewayCore
import Foundation
import Support
import Testing

@Suite("A name that leads elsewhere when it is looked up again", .serialized)
struct RebindingTests {
    @Test(
        "What was allowed at the first look-up is refused at the second, on record, and nothing is sent",
        .enabled("a process may have an /etc/hosts of its own (as root)") { await Hosts.isAllowed() },
        .timeLimit(.minutes(9)))
    func refused() async throws {
        try await Stage.run(
            simulator: ["--export-duration", "10ms"],
            settings: [
                "CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": "127.0.0.1/32", "CAUSEWAY_DELIVERIES_RETRY_SCHEDULE": "1h",
            ], startsGateway: false
        ) { stage in
            let gateway = stage.gateway
            let hosts = Hosts(path: stage.directory.file("hosts"))
            try hosts.lead(to: "127.0.0.1")
            try await gateway.start(under: hosts.wrapper)
            let team = try await stage.subscribe("team", events: ["export.completed"])
            let url = team.endpoint.url.replacingOccurrences(of: "127.0.0.1", with: Hosts.name)
            let moved = try await gateway.curl(
                ["-X", "PATCH"] + Curl.json(["url": .string(url)]), "/v1/subscriptions/\(team.id)")
            #expect(moved.status == 200, "\(moved.text)")
            _ = try await gateway.requestExport()
            _ = try await team.endpoint.received(1)

            // Neither a kept connection nor a remembered address is left.
            try await gateway.kill()
            try hosts.lead(to: "127.0.0.2")
            try await gateway.start(under: hosts.wrapper)
            _ = try await gateway.requestExport("vrc_123457")
            let line = try await gateway.logged(
                "delivery attempt", ["subscription": team.id, "error": "egress_denied"])
            #expect(line["error_detail"]?.string?.contains("127.0.0.2") == true)
            #expect(team.endpoint.requests.value.count == 1)
        }
    }
}

/// An `/etc/hosts` for one process, with a name that leads where a test wants.
private struct Hosts {
    static let name = "subscriber.test"
    let path: String

    func lead(to address: String) throws {
        // Not atomically: that would be another file than the one that is mounted.
        try "127.0.0.1 localhost\n\(address) \(Self.name)\n".write(toFile: path, atomically: false, encoding: .utf8)
    }

    /// In a mount namespace of its own, which ends with the process.
    var wrapper: [String] { Self.command(path) }

    static func isAllowed() async -> Bool {
        let process = Process()
        let command = command("/etc/hosts") + ["/bin/true"]
        process.executableURL = URL(filePath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return await withCheckedContinuation { continuation in
            process.terminationHandler = { continuation.resume(returning: $0.terminationStatus == 0) }
            do { try process.start() } catch { continuation.resume(returning: false) }
        }
    }

    private static func command(_ path: String) -> [String] {
        ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", "mount --bind \"$0\" /etc/hosts && exec \"$@\"", path]
    }
}
