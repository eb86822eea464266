/// What the operator can set about the copies of vendors' files.
public struct MirrorSettings: Sendable {
    /// False leaves files at the vendor; what is there is served and goes with time all the same.
    public var isEnabled = true
    /// Files fetched at once by this process.
    public var concurrency = 4
    /// How long files are kept.
    public var keep = Duration.seconds(30 * 86_400)
    /// Of all files together in bytes; nil: as much as the disk has.
    public var maximumSize: Int64?
    /// Bytes of the disk that are left to others: the database may lie on it.
    public var keepFree: Int64 = 256 << 20
    /// Between two looks for what has to go.
    public var tidyInterval = Duration.seconds(60)

    public init() {}
}
