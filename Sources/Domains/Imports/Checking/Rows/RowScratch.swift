import Foundation

/// Where the identities of a file's rows go while it is checked: into memory up to a bound, and beyond that into
/// temporary files without a name.
public struct RowScratch: Sendable {
    public var directory: String
    /// Bytes held in memory, of 16 or 24 that each row needs.
    public var memory: Int

    public init(directory: String, memory: Int = 12 << 20) {
        self.directory = directory
        self.memory = memory
    }

    /// In the system's directory for temporary files.
    public static var temporary: RowScratch {
        RowScratch(directory: FileManager.default.temporaryDirectory.path(percentEncoded: false))
    }
}
