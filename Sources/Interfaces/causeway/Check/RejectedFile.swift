import Foundation
import Glibc
import Imports

/// Where the refused rows of a file go. Opened before anything is checked, so that nobody waits in vain; what stood in it
/// stays until there is something to write.
struct RejectedFile {
    private let path: String
    private let output: FileHandle
    private let wasThere: Bool

    /// Throws `CommandFailure` where it cannot be written.
    init(_ path: String) throws {
        self.path = path
        wasThere = unsafe access(path, F_OK) == 0
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CommandFailure("\(path) cannot be written: \(unsafe String(cString: strerror(errno))).")
        }
        output = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    /// Throws `CommandFailure`.
    func write(_ outcome: FileCheck.Outcome, of source: SourceFile, as form: RejectedForm) throws {
        guard !outcome.summary.isRefused else {
            if !wasThere { unsafe unlink(path) }
            throw CommandFailure("\(path) is not written: the file as a whole cannot be imported, not rows of it.")
        }
        // A pipe has no end to cut off.
        _ = ftruncate(output.fileDescriptor, 0)
        do {
            try writeRows(outcome, of: source, as: form)
        } catch {
            throw CommandFailure("\(path) is not whole, it cannot be written on: \(error.localizedDescription)")
        }
    }

    private func writeRows(_ outcome: FileCheck.Outcome, of source: SourceFile, as form: RejectedForm) throws {
        var writer = outcome.rejectedWriter(as: form)
        var bytes: [UInt8] = []
        try outcome.rejectedRows(at: source.path).read { piece, content in
            unsafe content.withUnsafeBytes { unsafe writer.append(piece, Array($0)[...], to: &bytes) }
            guard bytes.count >= 1 << 20 else { return }
            try output.write(contentsOf: Data(bytes))
            bytes.removeAll(keepingCapacity: true)
        }
        try output.write(contentsOf: Data(bytes))
    }
}
