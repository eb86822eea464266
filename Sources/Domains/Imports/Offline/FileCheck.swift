import CSV
public import CausewayCore
import Crypto
import FileStore
public import Foundation
import Glibc

/// Checks a file that lies here as an upload of it would be checked, without a gateway and a store.
public struct FileCheck: Sendable {
    public struct Progress: Sendable {
        /// Read since it was told last.
        public var bytes: Int
        public var rows: Int
        public var problems: Int
    }

    /// What an upload would have become.
    public struct Outcome: Sendable {
        /// `validated` where it would be taken, `rejected` where not.
        public let checked: Import
        /// The first `ImportCheck.problemLimit`.
        public let problems: [RowProblem]
        /// What refuses nothing; as many.
        public let warnings: [RowProblem]
        public let summary: ImportSummary
        let mode: ImportMode
        let schema: ObjectSchema

        /// A gateway would take the file in this mode; of a dry run: nothing is wrong with it.
        public var isGood: Bool { checked.state != .rejected && (mode != .dryRun || checked.problems.total == 0) }

        /// The import as the API shows it, without what only an upload has.
        public var json: JSONValue {
            guard case .object(var members) = checked.json else { return .null }
            for name in ["id", "created_at", "ended_at"] { members[name] = .null }
            members["mode"] = .string(mode.rawValue)
            return .object(members)
        }

        /// For its refused rows.
        public func rejectedWriter(as form: RejectedForm) -> RejectedWriter {
            RejectedWriter(
                form, delimiter: summary.dialect.delimiter, encoding: summary.encoding, problems: problems,
                areAllKept: problems.count == summary.totalProblems)
        }

        /// The refused rows of the file that was checked.
        public func rejectedRows(at path: String) -> RejectedRows {
            RejectedRows(schema: schema, summary: summary, path: path)
        }
    }

    private let schema: ObjectSchema
    private let request: ImportRequest
    private let shownProblems: Int
    /// More would wait for the one that reads.
    private static let mostThreads = 4

    /// Throws `ImportOperationError.invalid` where no gateway would take such an upload.
    /// - Parameter shownProblems: how many the report has.
    public init(_ request: ImportRequest, catalog: ObjectCatalog, shownProblems: Int = 20) throws {
        schema = catalog.schema(request.object, group: request.group)
        self.request = request
        self.shownProblems = shownProblems
        let mistakes = request.mistakes(schema)
        guard mistakes.isEmpty else { throw ImportOperationError.invalid(mistakes) }
        if let label = request.charset, CSVCharset(label: label) == nil {
            throw ImportOperationError.unsupportedCharset(label)
        }
    }

    /// Reads `file` to its end. Blocks. Throws what reading throws.
    /// - Parameter now: when that is, for the outcome.
    public func run(
        _ file: FileHandle, hashes: Bool, at now: Timestamp, _ progress: (Progress) -> Void
    ) throws -> Outcome {
        var check = ParallelImportCheck(
            schema: schema, charset: request.charset.flatMap { CSVCharset(label: $0) }, firstProblems: shownProblems,
            threads: max(1, min(Self.mostThreads, ProcessInfo.processInfo.activeProcessorCount)))
        var hash = SHA256()
        var size: Int64 = 0
        var problems: [RowProblem] = []
        func take(_ finding: ImportFinding) {
            if case .problem(let problem) = finding { problems.append(problem) }
        }
        while true {
            let count = try unsafe check.feed(take) { room in
                let count = try unsafe file.read(into: room)
                if hashes { unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: room[..<count])) }
                return count
            }
            guard count > 0 else { break }
            size += Int64(count)
            progress(Progress(bytes: count, rows: check.rowsRead, problems: check.problemsFound))
        }
        var summary = try check.finish(take)
        // What is not a file on the disk cannot be read again.
        let isLying = (try? file.seek(toOffset: 0)) != nil
        let warnings = try summary.complete(
            &problems, schema: schema, rereading: isLying ? "/proc/self/fd/\(file.fileDescriptor)" : nil)
        let upload = CheckedUpload(
            summary: summary, problems: problems, warnings: warnings, size: size,
            sha256: hashes ? Digest.hex(hash.finalize()) : "")
        func become(_ mode: ImportMode) -> Import {
            var request = request
            request.mode = mode
            return Import(
                id: ImportID(at: now), request: request, filename: request.filename, checked: upload, schema: schema,
                settings: ImportSettings(), at: now)
        }
        // What would be taken is shown as a dry run is: nothing follows.
        var checked = become(request.mode)
        if checked.state != .rejected { checked = become(.dryRun) }
        return Outcome(
            checked: checked, problems: problems, warnings: warnings, summary: summary, mode: request.mode,
            schema: schema)
    }
}

extension FileHandle {
    /// The next bytes, as many as there are now and go into `room`; 0 at the end. Throws `POSIXError`.
    fileprivate func read(into room: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = unsafe Glibc.read(fileDescriptor, room.baseAddress, room.count)
            if count >= 0 { return count }
            guard errno == EINTR else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
        }
    }
}
