/// What a file store can fail with.
public enum FileStoreError: Error, Equatable {
    /// No room left on the disk (or for this user on it).
    case full
    case failed(detail: String)
}
