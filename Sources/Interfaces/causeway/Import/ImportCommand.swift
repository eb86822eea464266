import ArgumentParser
import CausewayCore
import Foundation
import Imports
import OutboundHTTP

/// `causeway import`
struct ImportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import",
        abstract: "Send a CSV to a gateway, wait for its end, and print what became of it.",
        discussion: """
            The gateway checks the file while it arrives; a bad one goes no further. Where the connection breaks before the \
            answer, the import is looked for by the file's SHA-256 and never sent so that it could count twice.

            Ends with 0 where it was taken (or waits for approval, or a dry run found nothing), 1 where it was refused or \
            failed, 2 where it was called wrongly.
            """)

    @Argument(help: "The file.")
    var file: String
    @OptionGroup var upload: UploadOptions
    @OptionGroup var gateway: ClientOptions

    @Flag(help: "Only check it; the same as --mode dry_run.")
    var dryRun = false
    @Flag(help: "Partners: have the vendor invite new ones by e-mail.")
    var sendInvites = false
    @Flag(help: "Hold it until another key approves it.")
    var approval = false
    @Flag(help: "Also where the same rows were imported within the last days.")
    var force = false
    @Flag(help: "Print the import as JSON instead of the report.")
    var json = false
    @Option(
        help: ArgumentHelp(
            "How long a gateway is tried again that does not answer, such as 30s or 1h. 2m without.",
            valueName: "duration"))
    var retryFor: String?
    @Flag(name: .shortAndLong, help: "Show no progress; none is shown where standard error is no terminal.")
    var quiet = false

    func run() async throws {
        let address = try gateway.address()
        let key = try gateway.secret()
        guard let retry = DurationText.parse(retryFor ?? "2m") else {
            throw ValidationError("--retry-for is a duration such as 30m or 2h, and not \(retryFor ?? "").")
        }
        let progress = CommandProgress(isQuiet: quiet)
        let sending = ImportSending(
            file: try ImportedFile(file), path: path, isForced: force, charset: upload.charset, progress: progress)
        let isJSON = json
        do {
            let (ended, report) = try await Interruption.catching {
                try await GatewayClient.with(address, key: key, retryFor: retry, told: progress.tell) { client in
                    try await progress.during {
                        let ended = try await sending.run(client)
                        let id = ended["id"]?.string ?? ""
                        return (ended, isJSON ? ended.text + "\n" : try await client.text("/v1/imports/\(id)"))
                    }
                }
            }
            print(report, terminator: "")
            guard Self.isGood(ended) else { throw ExitCode(1) }
        } catch is Interruption.Interrupted {
            throw CommandFailure(sending.wordsOfInterruption(address))
        } catch let error as OutboundError {
            throw CommandFailure("The gateway at \(address) cannot be reached: \(error.words). Is --url right?")
        }
    }

    private var path: String {
        var query = ["mode=\(dryRun ? "dry_run" : upload.mode.rawValue)"]
        if let group = upload.group { query.append("group=\(GatewayClient.segment(group))") }
        if sendInvites { query.append("send_invites=true") }
        if approval { query.append("approval=required") }
        if force { query.append("force=true") }
        return "/v1/imports/\(upload.object.rawValue)?" + query.joined(separator: "&")
    }

    private static func isGood(_ ended: JSONValue) -> Bool {
        switch ended["state"]?.string {
        case "completed", "awaiting_approval", "forwarding": true
        case "validated": ended["errors"]?["total"] == 0
        default: false
        }
    }
}
