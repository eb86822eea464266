import ArgumentParser
import CausewayCore
import CausewayServer
import Dispatch
import Foundation
import Imports

/// `causeway check`
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Check a CSV as an upload would, without a gateway.",
        discussion: """
            The same columns and rules as a gateway's with the same settings file. Nothing is sent anywhere.

            What comes through a pipe and is needed twice (--rejected) is written to a temporary file, which has no name and \
            is gone with the command.

            Ends with
              0  a gateway would take the file in this mode; dry_run: no error was found
              1  it would not; or --rejected was not written whole
              2  called wrongly, the file cannot be read, or --rejected cannot be written: then nothing was checked
            """)

    @Argument(help: "The file; - for standard input.")
    var file: String
    @OptionGroup var upload: UploadOptions
    @OptionGroup var configured: SettingsOptions

    @Option(
        help: ArgumentHelp(
            "What is printed: text, json (the import as the API shows it) or csv (all errors).",
            valueName: "format"))
    var format = Format.text
    @Option(help: ArgumentHelp("Where the refused rows go, byte for byte as they came.", valueName: "file"))
    var rejected: String?
    @Flag(help: "Put a first column _errors into --rejected.")
    var annotate = false
    @Flag(help: "Put an apostrophe before cells of --rejected and of csv that a spreadsheet would take for formulas.")
    var excelSafe = false
    @Flag(name: .shortAndLong, help: "Show no progress; none is shown where standard error is no terminal.")
    var quiet = false

    enum Format: String, CaseIterable, ExpressibleByArgument { case text, json, csv }

    func run() async throws {
        let catalog = try configured.settings(.administration).imports.catalog
        let name = file == "-" ? "standard input" : URL(filePath: file).lastPathComponent
        let check: FileCheck
        let source: SourceFile
        let refused: RejectedFile?
        do {
            check = try FileCheck(upload.request(filename: name), catalog: catalog)
            source = try SourceFile(file, isReadTwice: rejected != nil)
            if let rejected, source.isSame(as: rejected) {
                throw CommandFailure("--rejected names the file that is checked: it would be gone. Name another.")
            }
            refused = try rejected.map(RejectedFile.init)
        } catch let error as ImportOperationError {
            throw ValidationError(error.detail)
        } catch let error as CommandFailure {
            throw ValidationError(error.description)
        }
        let progress = CommandProgress(isQuiet: quiet)
        let format = format
        progress.moving(name, kept: 0, total: source.size)
        let outcome = try await progress.during {
            try await Self.blocking {
                try check.run(source.handle, hashes: format == .json, at: SystemTimeSource().now()) { step in
                    progress.moved(step.bytes, note: "\(step.rows) rows, \(step.problems) errors")
                }
            }
        }
        // First: what else goes wrong takes no report with it.
        try show(outcome, name)
        let form = RejectedForm(isAnnotated: annotate, isForExcel: excelSafe)
        try refused?.write(outcome, of: source, as: form)
        guard outcome.isGood else { throw ExitCode(1) }
    }

    private func show(_ outcome: FileCheck.Outcome, _ name: String) throws {
        var bytes: [UInt8] = []
        switch format {
        case .text: bytes = Array(ImportReport.text(of: outcome.checked, at: .file(name)).utf8)
        case .json: bytes = Array((outcome.json.text + "\n").utf8)
        case .csv:
            let table = ProblemTable(isForExcel: excelSafe)
            table.appendHeader(to: &bytes)
            for problem in outcome.problems { table.append(problem, to: &bytes) }
            table.appendRest(total: outcome.checked.problems.total, stored: outcome.problems.count, to: &bytes)
        }
        try FileHandle.standardOutput.write(contentsOf: Data(bytes))
    }

    /// Runs `body` on a thread that may block.
    private static func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws
        -> Result
    {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }
}
