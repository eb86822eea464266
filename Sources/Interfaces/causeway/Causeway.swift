import ArgumentParser
import CausewayCore
import Foundation

@main
struct Causeway: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "causeway",
        abstract: "The gateway in front of PartnerStack: exports, webhooks and imports through one endpoint.",
        version: ProductVersion.text,
        subcommands: [
            Serve.self, Demo.self, CheckCommand.self, ImportCommand.self, ExportCommand.self, ListenCommand.self,
            Keys.self, VendorCommand.self, Migrate.self, Simulate.self,
        ])

    /// Exit codes of the contract: 0 done, 1 refused or failed, 2 wrong use.
    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            let stream = code == .success ? FileHandle.standardOutput : FileHandle.standardError
            if !text.isEmpty { stream.write(Data((text + "\n").utf8)) }
            Foundation.exit(code == .validationFailure ? 2 : code.rawValue)
        }
    }
}

/// A failure told to whoever runs the command, in one line and with an exit code.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String

    init(_ words: some CustomStringConvertible) { description = words.description }
}
