import ArgumentParser
import CausewayCore
import Fanout
import Foundation
import OutboundHTTP

/// `causeway listen`
struct ListenCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "listen",
        abstract: "Receive a gateway's webhooks here, to look at them or to pass them on to a program in the making.",
        discussion: """
            Subscribes at the gateway, prints each webhook with what its signature is worth, and takes its subscription \
            away at the end; what an earlier listener on this machine had to leave behind, too. The gateway must be able \
            to reach this machine, and be allowed to: deliveries.allow_networks=127.0.0.0/8 for one that runs here.

            With --forward a verified webhook is sent on as it came, and the gateway gets the answer. The key needs the \
            scopes subscriptions:read and subscriptions:write.

            Ends with 0 on Ctrl-C, 1 where it was refused or failed, 2 where it was called wrongly.
            """)

    @Option(help: "Where to listen; a free port without.")
    var port: Int?
    @Option(help: ArgumentHelp("The address to listen on.", valueName: "address"))
    var host = "127.0.0.1"
    @Option(
        help: ArgumentHelp("Under which the gateway reaches this; http://HOST:PORT/hooks without.", valueName: "url"))
    var publicURL: String?
    @Option(help: ArgumentHelp("Only these events, such as export.completed,import.failed.", valueName: "a,b"))
    var events: String?
    @Option(help: ArgumentHelp("Sends what is verified on to there.", valueName: "url"))
    var forward: String?
    @Flag(name: .shortAndLong, help: "Print a line for each webhook, without its body.")
    var quiet = false
    @OptionGroup var gateway: ClientOptions

    func run() async throws {
        let address = try gateway.address()
        let key = try gateway.secret()
        try validateURLs()
        let secret = SigningSecret.random()
        let subscription = ListenSubscription(
            events: events.map { $0.split(separator: ",").map { $0.filter { $0 != " " } } }, secret: secret)
        let listener = WebhookListener(
            host: host, port: port ?? 0, secret: secret, forward: forward, showsBodies: !quiet)
        let publicURL = publicURL
        let host = host
        var failure: (any Error)?
        do {
            try await Interruption.catching {
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await listener.run() }
                    group.addTask {
                        guard let port = await listener.boundPort() else { return }
                        let url = publicURL ?? "http://\(host):\(port)/hooks"
                        try await GatewayClient.with(
                            address, key: key, retryFor: .zero, told: { listener.say($0) }
                        ) { client in
                            try await subscription.begin(at: url, client)
                        }
                        listener.say("Listening at \(url) for \(address). Ctrl-C ends it.")
                    }
                    while try await group.next() != nil {}
                }
            }
        } catch is Interruption.Interrupted {
        } catch {
            failure = error
        }
        // Also where the answer to the making was lost, or never waited for.
        do {
            try await GatewayClient.with(address, key: key, retryFor: .zero, told: { listener.say($0) }) {
                try await subscription.end($0)
            }
        } catch {
            failure =
                failure
                ?? CommandFailure("The subscription could not be taken away, the next listener here will: \(error)")
        }
        if let error = failure as? OutboundError {
            throw CommandFailure("The gateway at \(address) cannot be reached: \(error.words). Is --url right?")
        }
        if let failure { throw failure }
    }

    private func validateURLs() throws {
        for (name, url) in [("--public-url", publicURL), ("--forward", forward)] {
            guard let url else { continue }
            do throws(OutboundURL.Mistake) {
                _ = try OutboundURL(url)
            } catch {
                throw ValidationError("\(name) \(url) is no address: \(error)")
            }
        }
        if let port, !(1...65_535).contains(port) { throw ValidationError("--port is a number from 1 to 65535.") }
    }
}
