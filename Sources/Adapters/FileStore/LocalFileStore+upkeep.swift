public import CausewayCore
import Foundation
import Glibc

extension LocalFileStore {
    /// Bytes that this user can still write.
    public func available() throws -> Int64 {
        var status = statvfs()
        guard unsafe statvfs(directory, &status) == 0 else {
            throw FileStoreError.system("\(directory) cannot be looked at")
        }
        let (bytes, overflow) = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        return overflow ? .max : Int64(clamping: bytes)
    }

    /// The names of whole and unfinished files (without what marks these) that were last written before `time`.
    public func names(writtenBefore time: Timestamp) async throws -> [String] {
        try await FileThread.run {
            try all().filter { name in
                var status = stat()
                guard unsafe stat(path(name), &status) == 0 else { return false }
                return Int64(status.st_mtim.tv_sec) * 1000 < time.milliseconds
            }.map { $0.hasSuffix(Self.unfinished) ? String($0.dropLast(Self.unfinished.count)) : $0 }
        }
    }

    /// Removes the file of this name, whole or not, unless a writer holds it. Returns whether there is none now.
    public func removeUnheld(_ name: String) async throws -> Bool {
        try await FileThread.run {
            for path in [path(name), path(name + Self.unfinished)] {
                let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC)
                guard descriptor >= 0 else { continue }
                defer { close(descriptor) }
                if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK { return false }
                unsafe unlink(path)
            }
            return true
        }
    }
}
