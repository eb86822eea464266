import CausewayCore
import Fanout
import Foundation

/// Everybody who plays a part, up and ready.
struct DemoStage: Sendable {
    let directory: DemoDirectory
    let simulator: String
    let gateway: String
    let key: String
    /// The one that takes what comes, and the one that fails twice first.
    let subscribers: [(subscriber: DemoSubscriber, url: String)]
    /// What arrives at both.
    let arrivals: AsyncStream<DemoArrival>

    static let failures = 2

    var shell: DemoShell {
        DemoShell(directory: directory, variables: ["KEY": key, "GATEWAY": gateway, "VENDOR": simulator])
    }

    /// Starts everybody, runs the body and takes the subscribers down; the processes are their owner's to stop.
    static func open(
        in directory: DemoDirectory, _ processes: DemoProcesses, _ terminal: DemoTerminal,
        _ body: @escaping @Sendable (DemoStage) async throws -> Void
    ) async throws {
        terminal.line("Causeway \(ProductVersion.text): everything below runs on this machine.")
        terminal.open("A stand-in for the vendor, the gateway and two subscribers start")
        guard (try? await DemoShell(directory: directory, variables: [:]).run("curl --version")) != nil else {
            throw DemoFailure("curl is needed, and there is none: deploy/bootstrap installs it")
        }
        let (arrivals, inbox) = AsyncStream.makeStream(of: DemoArrival.self)
        let subscribers = [
            DemoSubscriber("finance", inbox: inbox), DemoSubscriber("crm", failures: failures, inbox: inbox),
        ]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for subscriber in subscribers { group.addTask { try await subscriber.run() } }
            defer { group.cancelAll() }
            let simulator = try await startSimulator(in: directory, processes, terminal)
            let (gateway, key) = try await startGateway(in: directory, vendor: simulator, processes, terminal)
            var places: [(DemoSubscriber, String)] = []
            for subscriber in subscribers {
                let url = try await subscriber.url()
                let manner =
                    subscriber.name == "crm" ? "answers 503 to the first \(failures) webhooks" : "takes what comes"
                terminal.good(row(subscriber.name, url, manner))
                places.append((subscriber, url))
            }
            try await body(
                DemoStage(
                    directory: directory, simulator: simulator, gateway: gateway, key: key, subscribers: places,
                    arrivals: arrivals))
        }
    }

    private static func startSimulator(
        in directory: DemoDirectory, _ processes: DemoProcesses, _ terminal: DemoTerminal
    ) async throws -> String {
        let (lines, line) = AsyncStream.makeStream(of: String.self, bufferingPolicy: .bufferingOldest(100))
        let process = processes.add(
            try DemoProcess("simulator", ["simulate", "--listen", "127.0.0.1:0"], in: directory) { line.yield($0) })
        let address = await terminal.waiting(for: "the stand-in") {
            await within(.seconds(20)) {
                for await line in lines {
                    if let url = line.firstRange(of: "http://") { return String(line[url.lowerBound...]) }
                }
                return nil
            }
        }
        guard let address else { throw DemoFailure("the stand-in for the vendor did not start") }
        terminal.good(row("vendor", address, "causeway simulate, process \(process.identifier)"))
        return address
    }

    private static func startGateway(
        in directory: DemoDirectory, vendor: String, _ processes: DemoProcesses, _ terminal: DemoTerminal
    ) async throws -> (address: String, key: String) {
        let listen = "127.0.0.1:\(try FreePort.find())"
        let address = "http://\(listen)"
        let key = "demo-\(RandomToken.make(bytes: 12))"
        let process = processes.add(
            try DemoProcess(
                "gateway", ["serve"],
                environment: [
                    "CAUSEWAY_LISTEN": listen, "CAUSEWAY_PUBLIC_URL": address, "CAUSEWAY_DATA_DIR": directory.data,
                    "CAUSEWAY_ADMIN_KEY": key, "CAUSEWAY_VENDOR_URL": vendor,
                    "CAUSEWAY_VENDOR_PUBLIC_KEY": "pk_test", "CAUSEWAY_VENDOR_SECRET_KEY": "sk_test",
                    "CAUSEWAY_VENDOR_MEMBER_EMAIL": "ops@example.com",
                    "CAUSEWAY_VENDOR_ALLOW_NETWORKS": "127.0.0.0/8",
                    "CAUSEWAY_DELIVERIES_ALLOW_NETWORKS": "127.0.0.0/8",
                    "CAUSEWAY_SERVER_SHUTDOWN_GRACE": "5s", "CAUSEWAY_LOG_FORMAT": "text",
                ], in: directory))
        let shell = DemoShell(directory: directory, variables: [:])
        let isReady = try await terminal.waiting(for: "the gateway") {
            try await within(.seconds(20)) { () -> Bool? in
                while process.isRunning {
                    if let answer = try? await shell.run("curl \(address)/readyz"), answer.status == 200 { return true }
                    try await Task.sleep(for: .milliseconds(50))
                }
                return nil
            }
        }
        guard isReady == true else { throw DemoFailure("the gateway did not get ready at \(address)") }
        terminal.good(row("gateway", address, "causeway serve, process \(process.identifier)"))
        return (address, key)
    }

    private static func row(_ name: String, _ address: String, _ words: String) -> String {
        "\(name.padding(toLength: 9, withPad: " ", startingAt: 0))\(address.padding(toLength: 30, withPad: " ", startingAt: 0)) \(words)"
    }
}
