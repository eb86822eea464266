/// What the operator can set about imports.
public struct ImportSettings: Sendable {
    /// The largest file, in bytes after decoding.
    public var maximumSize: Int64 = 2 << 30
    /// Valid rows handed to the importer in one request.
    public var chunkRows = 10_000
    /// Problems that an import's own resource shows; the rest are a list of their own.
    public var shownProblems = 20
    /// How long the same content for the same object and group is refused.
    public var duplicateWindow = Duration.seconds(7 * 86_400)
    /// How long files are kept after an import's end: that of a failed one, so that it can be tried again, and one with
    /// refused rows, so that these can be had back.
    public var fileRetention = Duration.seconds(7 * 86_400)
    /// How long an import that has ended is on record with its errors; never shorter than `duplicateWindow`.
    public var retention = Duration.seconds(90 * 86_400)
    /// How long a file without an import is kept while somebody may still be writing it, or about to say what it is. By
    /// the file system's clock, which may be another machine's.
    public var unclaimedRetention = Duration.seconds(86_400)
    /// How long an upload in several requests is kept after the last of them.
    public var unfinishedRetention = Duration.seconds(86_400)
    /// How long a new file may be invisible here that another gateway has written: network file systems remember for up
    /// to a minute that there was none.
    public var visibilityDelay = Duration.seconds(5 * 60)
    public var approval = ApprovalRule()
    /// How often files that nobody needs any more are looked for.
    public var sweepInterval = Duration.seconds(3600)

    public init() {}
}
