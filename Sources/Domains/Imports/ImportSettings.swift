/// What the operator can set about imports.
public struct ImportSettings: Sendable {
    /// The largest file, in bytes after decoding.
    public var maximumSize: Int64 = 2 << 30
    /// Problems that an import's own resource shows; the rest are a list of their own.
    public var shownProblems = 20
    /// How long the same content for the same object and group is refused.
    public var duplicateWindow = Duration.seconds(7 * 86_400)
    /// How long the file of a failed import is kept, so that it can be tried again.
    public var failedRetention = Duration.seconds(7 * 86_400)
    /// How often files that nobody needs any more are looked for.
    public var sweepInterval = Duration.seconds(3600)

    public init() {}
}
