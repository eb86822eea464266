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

            Ends with 0 where a gateway would take the file in this mode, 1 where it would refuse it, 2 where it was called \
            wrongly or the file cannot be read.
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
        do {
            check = try FileCheck(upload.request(filename: name), catalog: catalog)
        } catch let error as ImportOperationError {
            throw ValidationError(error.detail)
        }
        let source: CheckedSource
        do {
            source = try CheckedSource(file, isReadTwice: rejected != nil)
        } catch let error as CommandFailure {
            throw ValidationError(error.description)
        }
        if let rejected, source.isSame(as: rejected) {
            throw ValidationError("--rejected names the file that is checked: it would be gone. Name another.")
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
        if let rejected { try write(outcome, source, to: rejected) }
        try show(outcome, name)
        if outcome.checked.state == .rejected { throw ExitCode(1) }
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

    private func write(_ outcome: FileCheck.Outcome, _ source: CheckedSource, to path: String) throws {
        guard !outcome.summary.isRefused else {
            throw CommandFailure("\(path) is not written: the file as a whole cannot be imported, not rows of it.")
        }
        var writer = outcome.rejectedWriter(as: RejectedForm(isAnnotated: annotate, isForExcel: excelSafe))
        guard FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]),
            let output = FileHandle(forWritingAtPath: path)
        else { throw CommandFailure("\(path) cannot be written.") }
        defer { try? output.close() }
        var bytes: [UInt8] = []
        try outcome.rejectedRows(at: source.path).read { piece, content in
            unsafe content.withUnsafeBytes { unsafe writer.append(piece, Array($0)[...], to: &bytes) }
            if bytes.count >= 1 << 20 {
                try output.write(contentsOf: Data(bytes))
                bytes.removeAll(keepingCapacity: true)
            }
        }
        try output.write(contentsOf: Data(bytes))
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
