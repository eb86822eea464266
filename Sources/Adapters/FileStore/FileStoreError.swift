import Glibc

/// What a file store can fail with.
public enum FileStoreError: Error, Equatable {
    /// No room left on the disk (or for this user on it).
    case full
    case failed(detail: String)

    /// From `errno` as the call before has left it.
    static func system(_ what: String) -> FileStoreError {
        let code = errno
        if code == ENOSPC || code == EDQUOT { return .full }
        return .failed(detail: "\(what): \(unsafe String(cString: strerror(code)))")
    }
}
