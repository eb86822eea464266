import ArgumentParser
import CausewayCore
import CausewayServer
import Foundation
import Logging

/// `causeway serve`
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve the gateway until SIGTERM.",
        discussion: "Settings come from CAUSEWAY_… variables, then causeway.yaml, then their defaults.")

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        let settings = try options.settings(.serving)
        let logger = settings.makeLogger()
        FileDescriptorLimit.raise()
        do {
            try await Gateway(settings, logger: logger).run()
        } catch {
            logger.critical("the gateway ended", metadata: ["error": "\(error)"])
            throw ExitCode(1)
        }
    }
}
