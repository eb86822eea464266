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
            The file goes by /v1/uploads: where the connection breaks, or the gateway is started again, it goes on with what \
            the gateway has, and where the answer is lost the same import is asked for, so that nothing counts twice. What \
            comes through a pipe is first written to a temporary file, which has no name and is gone with the command.

            A key with imports:write alone is enough; its report is of the moment the file was taken, for the end needs \
            imports:read.

            Ends with
              0  taken by PartnerStack, accepted (with imports:write alone), waits for approval; a dry run found no error
              1  refused, failed or needs attention; stopped; the gateway cannot be reached
              2  called wrongly, or the file cannot be read
            """)

    @Argument(help: "The file; - for standard input.")
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
        let imported: ImportedFile
        do {
            imported = try ImportedFile(file)
        } catch let error as CommandFailure {
            throw ValidationError(error.description)
        }
        let sending = ImportSending(file: imported, query: query, charset: upload.charset, progress: progress)
        do {
            let (ended, report) = try await Interruption.catching {
                try await GatewayClient.with(address, key: key, retryFor: retry, told: progress.tell) { client in
                    try await progress.during { try await sending.run(client) }
                }
            }
            print(json ? ended.text + "\n" : report, terminator: "")
            guard Self.isGood(ended) else { throw ExitCode(1) }
        } catch is Interruption.Interrupted {
            throw CommandFailure(
                try await GatewayClient.with(address, key: key, retryFor: .zero, told: progress.tell) { client in
                    await sending.afterInterruption(client)
                })
        } catch let error as OutboundError {
            throw CommandFailure("The gateway at \(address) cannot be reached: \(error.words). Is --url right?")
        }
    }

    func validate() throws {
        guard !sendInvites || upload.object == .partners else {
            throw ValidationError("--send-invites is for partners alone.")
        }
    }

    private var query: String {
        var query = ["object=\(upload.object.rawValue)", "mode=\(dryRun ? "dry_run" : upload.mode.rawValue)"]
        if let group = upload.group { query.append("group=\(GatewayClient.segment(group))") }
        if sendInvites { query.append("send_invites=true") }
        if approval { query.append("approval=required") }
        if force { query.append("force=true") }
        return query.joined(separator: "&")
    }

    private static func isGood(_ ended: JSONValue) -> Bool {
        switch ended["state"]?.string {
        case "completed", "awaiting_approval", "forwarding": true
        case "validated": ended["errors"]?["total"] == 0
        default: false
        }
    }
}
