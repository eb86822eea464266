import ArgumentParser
import CausewayCore
import Foundation

/// `causeway export`
struct ExportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export",
        abstract: "Ask a gateway for an export, wait for it, and fetch its file.",
        discussion: """
            --output is a file, a directory (with a slash at its end, or one that exists) for the parts as they are, or - \
            for standard output. Several parts that go to one file become one CSV with one header; a file that ends in \
            .zip takes the vendor's archive.

            What has come is kept in FILE.part. After Ctrl-C, a break or a reboot the same command goes on with the same \
            export, and with the part where the file is still the same; its SHA-256 is checked before it gets its name.

            Ends with 0 once all is there, 1 where it was refused or failed, 2 where it was called wrongly.
            """)

    @Argument(help: "The report's key, vrc_….")
    var report: String
    @Option(name: .shortAndLong, help: ArgumentHelp("Where to.", valueName: "file"))
    var output: String
    @OptionGroup var gateway: ClientOptions

    @Option(help: ArgumentHelp("For whom, instead of the gateway's own member.", valueName: "email"))
    var member: String?
    @Option(help: ArgumentHelp("An export no older than this will do, such as 2h.", valueName: "duration"))
    var maxAge: String?
    @Flag(help: "Fail where the vendor's limits are shut, instead of waiting for them to open.")
    var failWhenLimited = false
    @Flag(help: "With the raw data behind what is grouped.")
    var showUnexpanded = false
    @Option(help: ArgumentHelp("Kept with the request; may be repeated.", valueName: "name=value"))
    var metadata: [String] = []

    @Option(
        help: ArgumentHelp(
            "How long a gateway is tried again that does not answer, such as 30s or 1h. 2m without.",
            valueName: "duration"))
    var retryFor: String?

    @Option(help: ArgumentHelp("All parts as one: csv or ndjson.", valueName: "format"))
    var format: String?
    @Option(help: ArgumentHelp("Only these columns, in this order.", valueName: "a,b"))
    var columns: String?

    @Flag(help: "Print the export as JSON at the end.")
    var json = false
    @Flag(name: .shortAndLong, help: "Show no progress; none is shown where standard error is no terminal.")
    var quiet = false

    func run() async throws {
        let address = try gateway.address()
        let key = try gateway.secret()
        let target = ExportTarget(output)
        let fetch = ExportFetch(
            wish: try wish(), target: target, shape: try shape(for: target), progress: CommandProgress(isQuiet: quiet))
        if json, target == .standardOutput {
            throw ValidationError("--json and --output - both write to standard output.")
        }
        let retryFor = try duration(retryFor, of: "--retry-for") ?? .seconds(120)
        do {
            let export = try await Interruption.catching {
                try await GatewayClient.with(address, key: key, retryFor: retryFor, told: fetch.progress.tell) {
                    client in
                    try await fetch.progress.during { try await fetch.run(client) }
                }
            }
            if json { print(export.text) }
        } catch is Interruption.Interrupted {
            throw CommandFailure(
                target == .standardOutput ? "Stopped." : "Stopped. The same command goes on from here.")
        }
    }

    private func wish() throws -> ExportWish {
        var members: [String: String] = [:]
        for pair in metadata {
            guard let sign = pair.firstIndex(of: "="), sign > pair.startIndex else {
                throw ValidationError("--metadata is name=value, and not \(pair).")
            }
            members[String(pair[..<sign])] = String(pair[pair.index(after: sign)...])
        }
        let age = try duration(maxAge, of: "--max-age").map { Int($0.wholeMilliseconds / 1000) }
        return ExportWish(
            report: report, member: member, showUnexpanded: showUnexpanded, maxAge: age,
            failsWhenLimited: failWhenLimited, metadata: members)
    }

    private func duration(_ text: String?, of option: String) throws -> Duration? {
        guard let text else { return nil }
        guard let duration = DurationText.parse(text) else {
            throw ValidationError("\(option) is a duration such as 30m or 2h, and not \(text).")
        }
        return duration
    }

    private func shape(for target: ExportTarget) throws -> ExportShape {
        var shape = ExportShape()
        if let format {
            guard let known = ExportShape.Format(rawValue: format) else {
                throw ValidationError("--format is csv or ndjson, and not \(format).")
            }
            shape.format = known
        }
        shape.columns = columns
        guard columns?.isEmpty != true else { throw ValidationError("--columns names no column.") }
        if case .directory = target, format != nil || columns != nil {
            throw ValidationError("--format and --columns make one file of all parts: --output names a directory.")
        }
        return shape
    }
}
