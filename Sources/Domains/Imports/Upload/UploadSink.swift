import CSV
import CausewayCore
import Crypto
import Dispatch
import FileStore
import Foundation
import Synchronization

/// Takes an upload as it arrives: each part is written down, hashed and checked on a thread that may block, and the
/// next is asked for when that is done. Memory stays flat; what is not accepted in the end is gone with this object.
public final class UploadSink: Sendable {
    private struct State: ~Copyable {
        /// Nil where the bytes lie in a file already.
        var writer: LocalFileWriter?
        var check: ImportCheck?
        var hash = SHA256()
        var problems: [RowProblem] = []
        var size: Int64 = 0
        var filename: String?
    }
    private let state: Mutex<State>
    private let maximumSize: Int64
    private let spooled: (file: PartialFile, files: LocalFileStore)?
    /// Where the bytes can be read until the file is kept.
    let unfinishedPath: String
    private static let queue = DispatchQueue(label: "causeway.uploads", attributes: .concurrent)

    init(writer: consuming LocalFileWriter, check: consuming ImportCheck, maximumSize: Int64) {
        unfinishedPath = writer.unfinishedPath
        state = Mutex(State(writer: writer, check: check))
        spooled = nil
        self.maximumSize = maximumSize
    }

    /// For bytes that lie in `file` already, and are only checked and hashed here.
    /// - Parameter files: where it is kept.
    init(
        spooled file: PartialFile, files: LocalFileStore, check: consuming ImportCheck, maximumSize: Int64
    ) {
        unfinishedPath = file.path
        state = Mutex(State(writer: nil, check: check))
        spooled = (file, files)
        self.maximumSize = maximumSize
    }

    /// What the file is called, where only the body tells.
    public func setFilename(_ name: String) {
        state.withLock { $0.filename = name }
    }

    /// What the file is written in, where only the body tells; before its first byte. Throws
    /// `ImportOperationError.unsupportedCharset`.
    public func declare(charset label: String) throws(ImportOperationError) {
        guard let charset = CSVCharset(label: label) else { throw .unsupportedCharset(label) }
        state.withLock { $0.check?.declare(charset) }
    }

    var filename: String? { state.withLock { $0.filename } }

    /// The next bytes of the file. Throws `ImportOperationError`.
    public func write(_ bytes: [UInt8]) async throws {
        try await Self.blocking { [self] in
            try state.withLock { state in
                state.size += Int64(bytes.count)
                guard state.size <= maximumSize else { throw ImportOperationError.tooLarge(maximumSize) }
                state.hash.update(data: bytes)
                // The parts leave the state while they are at work.
                var problems = state.problems
                state.problems = []
                try state.check?.feed(bytes) { finding in
                    if case .problem(let problem) = finding { problems.append(problem) }
                }
                state.problems = problems
                try state.writer?.write(bytes)
            }
        }
    }

    /// What came of it. The file is complete, but not yet durable.
    func finish() async throws -> CheckedUpload {
        try await Self.blocking { [self] in
            try state.withLock { state in
                var problems = state.problems
                guard var check = state.check.take() else { throw ImportOperationError.uploadBroken }
                let summary = try check.finish { finding in
                    if case .problem(let problem) = finding { problems.append(problem) }
                }
                return CheckedUpload(
                    summary: summary, problems: problems, size: state.size,
                    sha256: Digest.hex(state.hash.finalize()))
            }
        }
    }

    /// Throws `FileStoreError`.
    static func reading(_ path: String) throws -> FileHandle {
        guard let file = FileHandle(forReadingAtPath: path) else {
            throw FileStoreError.failed(detail: "\(path) cannot be opened")
        }
        return file
    }

    /// Makes the file durable under this name.
    func keep(as name: String) async throws {
        try await Self.blocking { [self] in
            if let spooled { return try spooled.file.link(as: name, in: spooled.files) }
            try state.withLock { state in
                guard let writer = state.writer.take() else { throw ImportOperationError.uploadBroken }
                try writer.finish(as: name)
            }
        }
    }

    /// What was not kept is gone when this returns.
    func discard() async {
        try? await Self.blocking { [self] in
            state.withLock { $0.writer = nil }
        }
    }

    /// Runs `body` on a thread that may block.
    static func blocking<Result: Sendable>(_ body: @escaping @Sendable () throws -> Result) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async {
                do {
                    continuation.resume(returning: try body())
                } catch FileStoreError.full {
                    continuation.resume(throwing: ImportOperationError.diskFull)
                } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

/// A file that was read to its end.
struct CheckedUpload: Sendable {
    var summary: ImportSummary
    /// In the file's order, as many as are kept.
    var problems: [RowProblem]
    var warnings: [RowProblem] = []
    let size: Int64
    let sha256: String
}
